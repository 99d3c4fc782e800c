import { PaddockError } from '../../core/errors.js';
import type { ControlEvidence, ControlId } from '../../core/evidence.js';
import type { ExecResult } from '../../core/exec.js';
import type { SitePolicy } from '../../core/site-policy.js';
import type { SandboxSpec } from '../../core/spec.js';
import { decideExec } from '../../policy/exec.js';
import { toPolicyDenied } from '../../policy/verdict.js';
import type { Session, SessionCommand } from '../../session/session.js';
import { type CliOptions, type CommandContext, text } from '../command.js';
import { write } from '../output.js';
import { variables } from './request.js';

export const execOptions = {
  timeout: { type: 'string', help: 'when the command is ended, such as 90s or 10m' },
  cwd: { type: 'string', help: 'folder inside to start in' },
  'exec-env': {
    type: 'string',
    multiple: true,
    help: 'variable of this command: NAME=VALUE, or NAME for its value here; repeatable',
  },
} as const satisfies CliOptions;

/** Refuses a call without a command before anything is made for it. Errors: BAD_ARGUMENT. */
export function requireCommand({ rest, positionals }: CommandContext): void {
  if (rest.length > 0) return;
  const example = positionals.length > 0 ? `-- ${positionals.join(' ')}` : '-- ls -la';
  throw new PaddockError('BAD_ARGUMENT', 'there is no command', {
    hint: `Put the command behind two dashes: \`${example}\`.`,
  });
}

/** The controls that depend on what the host delegates, when they are not enforced: nobody should think they hold. */
export function notEnforced(controls: readonly ControlEvidence[]): string | undefined {
  const limits: readonly ControlId[] = ['memory', 'swap', 'cpu', 'pids', 'nofile', 'core', 'user-namespace'];
  const weak = controls.filter((c) => limits.includes(c.id) && c.status !== 'enforced').map((c) => c.id);
  return weak.length === 0 ? undefined : `not enforced on this host: ${weak.join(', ')} (\`paddock doctor\` says why)`;
}

/** The command behind `--`, checked by policy. */
export function execRequestOf(context: CommandContext, spec: SandboxSpec, policy: SitePolicy) {
  const timeout = text(context, 'timeout');
  const cwd = text(context, 'cwd');
  const env = variables(context, 'exec-env');
  const verdict = decideExec(
    {
      argv: context.rest,
      ...(timeout === undefined ? {} : { timeout }),
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env }),
    },
    spec,
    policy,
  );
  if (verdict.verdict === 'deny') throw toPolicyDenied(verdict);
  return verdict.request;
}

/** Runs a command with our own streams (or captured, for `--json`) and waits for its end; a signal to us ends it. */
export async function runThrough(context: CommandContext, session: Session, request: ReturnType<typeof execRequestOf>) {
  const { stdin, stdout, stderr } = context.terminal;
  const entry = await session.start(request, {
    signal: context.signal,
    stdin,
    ...(context.json
      ? {}
      : {
          onOutput: (stream: 'stdout' | 'stderr', chunk: Buffer) => write(stream === 'stdout' ? stdout : stderr, chunk),
        }),
  });
  await entry.settled;
  return resultOf(entry);
}

function resultOf(entry: SessionCommand): ExecResult {
  const { outcome } = entry;
  if (outcome === undefined) throw new PaddockError('INTERNAL', 'the command has no outcome');
  if ('error' in outcome) throw outcome.error;
  return outcome.result;
}

/** Why a command ended, for people, when it was not by itself. */
export function reasonNote(result: ExecResult): string | undefined {
  if (result.outputError !== undefined) return `output may be incomplete: ${result.outputError}`;
  switch (result.reason) {
    case 'exited':
      return undefined;
    case 'timeout':
      return 'the command was killed at its timeout';
    case 'oom':
      return 'the command was killed because it reached the memory limit';
    case 'aborted':
      return 'the command was ended because Paddock was told to';
    case 'output-limit':
      return 'the command was killed because it printed too much';
    case 'disk-limit':
      return 'the command was killed because it wrote too much';
  }
}
