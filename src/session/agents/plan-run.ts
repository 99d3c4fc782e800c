import { join } from 'node:path';
import { agents } from '../../agents/all.js';
import { secretsIn } from '../../agents/mcp-secrets.js';
import type { AgentAdapter, AgentPlan, Places } from '../../agents/types.js';
import { ConfigError, PolicyDenied } from '../../core/errors.js';
import type { ExecRequest } from '../../core/exec.js';
import { admitExec } from '../../policy/exec.js';
import { rules } from '../../policy/rules.js';
import { sandboxHome } from '../../policy/surroundings.js';
import { SessionFiles } from '../files.js';
import { findAgent } from './find-agent.js';
import type { AgentMeans, AgentSession, AskedRun } from './means.js';

/** Half an hour: a task of some size; the policy's ceiling may be less. */
const usualTimeoutMs = 1_800_000;
const placeholderKey = 'paddock-placeholder';
const rule = 'agent.mcp-secret';

/**
 * Makes everything ready inside for a run, and returns its command. What is wrong with what was asked is refused before anything is run. Errors:
 * BAD_ARGUMENT, POLICY_DENIED (`agent.mcp-secret`, those of commands), AGENT_NOT_FOUND, those of the session's files.
 */
export async function planRun(
  session: AgentSession,
  asked: AskedRun,
  means: AgentMeans,
  signal: AbortSignal,
): Promise<ExecRequest> {
  refuseSecrets(asked);
  const adapter = agents[asked.agent];
  // In the home of the sandbox, a tmpfs of a size: an agent resumes from it as long as the session is there.
  const configFolder = `${sandboxHome}/.paddock/${adapter.id}`;
  const plan = adapter.plan(asked.request, placesOf(session, adapter), configFolder);
  const [name = '', ...words] = plan.argv;
  // Judged before anything is touched, with a name of the length that the real one has at most.
  const judged = (program: string) => admitRun([program, ...words], plan, asked, session, means);
  judged(name);
  const files = new SessionFiles(session);
  const program = await findAgent(files.run, { name, configFolder }, session, means, signal);
  for (const { path, content, mode } of plan.files) {
    await files.write(join(configFolder, path), Buffer.from(content), { mode, parents: true, overwrite: true, signal });
  }
  return judged(program);
}

function admitRun(
  argv: readonly string[],
  { env, stdin }: AgentPlan,
  { timeout }: AskedRun,
  { sandbox }: AgentSession,
  { sitePolicy }: AgentMeans,
): ExecRequest {
  const usual = Math.floor(Math.min(usualTimeoutMs, sitePolicy.ceilings.timeoutMs) / 1000);
  return admitExec({ argv: [...argv], env, stdin, timeout: timeout ?? usual }, sandbox.handle.spec, sitePolicy);
}

/** Names the places, never what is in them. */
function refuseSecrets({ request: { mcpConfig }, mcpSecretsAllowed }: AskedRun): void {
  if (mcpConfig === undefined || mcpSecretsAllowed) return;
  const places = secretsIn(mcpConfig).map(({ path, reason }) => `${path} (by its ${reason})`);
  if (places.length === 0) return;
  const more = places.length > 10 ? ` and ${places.length - 10} more` : '';
  const message = `mcpConfig seems to hold secrets at ${places.slice(0, 10).join(', ')}${more}`;
  throw new PolicyDenied(rule, message, { hint: rules[rule].hint });
}

function placesOf({ broker }: AgentSession, { providers, title }: AgentAdapter): Places {
  const found = providers.flatMap((one) => {
    const place = broker?.places[one];
    return place === undefined ? [] : [[one, place] as const];
  });
  if (found.length === 0) {
    throw new ConfigError(
      'BAD_ARGUMENT',
      `this session has no key for ${providers.join(' or ')}, which ${title} needs`,
      {
        hint: 'Create the session with the key (apiKey, openaiApiKey, googleApiKey, …), or set it in the environment of Paddock (docs/agents.md).',
      },
    );
  }
  return { ...Object.fromEntries(found), placeholderKey };
}
