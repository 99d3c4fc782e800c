import { join } from 'node:path';
import { agents } from '../../agents/all.js';
import { secretsIn } from '../../agents/mcp-secrets.js';
import type { AgentAdapter, AgentPlan, AgentRequest, Places, Provider } from '../../agents/types.js';
import type { ExecRequest } from '../../core/exec.js';
import { admitExec } from '../../policy/exec.js';
import { refuseMcpSecrets } from '../../policy/mcp-secrets.js';
import { sandboxHome } from '../../policy/surroundings.js';
import { SessionFiles } from '../files.js';
import { findAgent } from './find-agent.js';
import type { AgentMeans, AgentSession, AskedRun, RunBroker } from './means.js';

/** Half an hour: a task of some size; the policy's ceiling may be less. */
const usualTimeoutMs = 1_800_000;

/** For a look at what was asked: nothing is run with them. */
const anyPlace = 'http://127.0.0.1/';
const anyPlaces: Places = {
  ...{ anthropic: anyPlace, openai: anyPlace, google: anyPlace, bedrock: anyPlace },
  placeholderKey: 'none',
};

export interface PlannedRun {
  readonly request: ExecRequest;
  readonly broker: RunBroker;
}

/**
 * Makes everything ready inside for a run, and returns its command. What is wrong with what was asked is refused before anything is run. Errors:
 * BAD_ARGUMENT, POLICY_DENIED (`agent.mcp-secret`, those of commands), AGENT_NOT_FOUND, those of
 * the session's files and of its broker.
 */
export async function planRun(
  session: AgentSession,
  asked: AskedRun,
  means: AgentMeans,
  signal: AbortSignal,
): Promise<PlannedRun> {
  const { mcpConfig } = asked.request;
  if (mcpConfig !== undefined && !asked.mcpSecretsAllowed) {
    refuseMcpSecrets(secretsIn(mcpConfig).map(({ path, reason }) => `${path} (by its ${reason})`));
  }
  const adapter = agents[asked.agent];
  // In the home of the sandbox, a tmpfs of a size: an agent resumes from it as long as the session is there.
  const configFolder = `${sandboxHome}/.paddock/${adapter.id}`;
  // Refused before a broker is opened for it.
  adapter.plan(asked.request, anyPlaces, configFolder);
  const broker = await session.ensureBroker(providersOf(asked.request, adapter));
  const { places, placeholderKey } = broker;
  const plan = adapter.plan(asked.request, { ...places, placeholderKey }, configFolder);
  const [name = '', ...words] = plan.argv;
  // Judged before anything is touched, and again with the path that the name turns out to have.
  const judged = (program: string) => admitRun([program, ...words], plan, asked, session, means);
  judged(name);
  const files = new SessionFiles(session);
  const program = await findAgent(files.run, { name, configFolder }, session, means, signal);
  for (const { path, content, mode } of plan.files) {
    await files.write(join(configFolder, path), Buffer.from(content), { mode, parents: true, overwrite: true, signal });
  }
  return { request: judged(program), broker };
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

/** Only what the run needs is opened: a key that nobody uses is none that could be misused. */
function providersOf({ bedrock, model, smallModel }: AgentRequest, { providers }: AgentAdapter): readonly Provider[] {
  if (bedrock !== undefined) return providers.filter((one) => one === 'bedrock');
  const direct = providers.filter((one) => one !== 'bedrock');
  if (direct.length === 1) return direct;
  // opencode's models have their provider in front.
  const prefixes = [model, smallModel].map((one) => one?.split('/', 1)[0]);
  return direct.filter((one) => prefixes.includes(one));
}
