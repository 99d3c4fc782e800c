import { refusalLine } from '../../core/egress-text.js';
import { PaddockError } from '../../core/errors.js';
import type { ControlEvidence, ControlId } from '../../core/evidence.js';
import type { ExecRequest, ExecResult } from '../../core/exec.js';
import type { SitePolicy } from '../../core/site-policy.js';
import type { SandboxSpec } from '../../core/spec.js';
import { admitExec } from '../../policy/exec.js';
import type { CommandOptions, TerminalSize } from '../../sandbox/command/command.js';
import type { Session } from '../../session/session.js';
import { resultOf } from '../../session/session-command.js';
import { type CliOptions, type CommandContext, isSet, text } from '../command.js';
import { write } from '../output.js';
import { usualSize } from '../screen.js';
import { variables } from './request.js';

export const execOptions = {
  timeout: { type: 'string', help: 'when the command is ended, such as 90s or 10m' },
  cwd: { type: 'string', help: 'folder inside to start in' },
  'exec-env': {
    type: 'string',
    multiple: true,
    help: 'variable of this command: NAME=VALUE, or NAME for its value here; repeatable',
  },
  tty: { type: 'boolean', short: 't', help: 'give the command a terminal, of the size of ours' },
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

/** The command behind `--`, as policy takes it. */
export function rawRequestOf(context: CommandContext) {
  const timeout = text(context, 'timeout');
  const cwd = text(context, 'cwd');
  const env = variables(context, 'exec-env');
  return {
    argv: context.rest,
    ...(timeout === undefined ? {} : { timeout }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
  };
}

/** The same, checked by policy. */
export function execRequestOf(context: CommandContext, spec: SandboxSpec, policy: SitePolicy) {
  return admitExec(rawRequestOf(context), spec, policy);
}

/** A command that was started here or by the holder of its session. */
export interface Started {
  readonly result: Promise<ExecResult>;
  resize(size: TerminalSize): Promise<void>;
}

/**
 * Runs a command with our own streams (or captured, for `--json`) and waits for its end; a signal to us ends it. With `-t` it gets
 * a terminal: of the size of ours, whose keys it then gets one by one, Ctrl-C too; 24 by 80 where that is not known.
 */
export async function runThrough(
  context: CommandContext,
  start: (options: CommandOptions) => Promise<Started>,
): Promise<ExecResult> {
  const { stdin, stdout, stderr, screen } = context.terminal;
  const wantsTerminal = isSet(context, 'tty');
  const onOutput = (stream: 'stdout' | 'stderr', chunk: Buffer) => write(stream === 'stdout' ? stdout : stderr, chunk);
  const size = screen?.size() ?? usualSize;
  const started = await start({
    signal: context.signal,
    stdin,
    ...(context.json ? {} : { onOutput }),
    ...(wantsTerminal ? { terminal: size } : {}),
  });
  if (!wantsTerminal || screen === undefined) return started.result;
  const stop = screen.onResize(() => void started.resize(screen.size()).catch(() => undefined));
  screen.setRaw(true);
  try {
    return await started.result;
  } finally {
    screen.setRaw(false);
    stop();
  }
}

/** The same in a session of this process. */
export function startIn(session: Session, request: ExecRequest) {
  return async (options: CommandOptions): Promise<Started> => {
    const entry = await session.start(request, options);
    const result = entry.settled.then(() => resultOf(entry));
    result.catch(() => undefined);
    return { result, resize: (size) => entry.command.resize(size) };
  };
}

/** What people are told of a command besides its output: what its connections were refused, and why it ended, when that was not by itself. */
export async function sayEnd({ terminal, json }: CommandContext, result: ExecResult): Promise<void> {
  const refused = json ? [] : (result.blocked ?? []).map(refusalLine);
  const note = reasonNote(result);
  for (const line of [...refused, ...(note === undefined ? [] : [note])]) {
    await write(terminal.stderr, `paddock: ${line}\n`);
  }
}

/** Why a command ended, for people, when it was not by itself. */
function reasonNote(result: ExecResult): string | undefined {
  const { outputError } = result;
  if (outputError !== undefined && result.reason !== 'session-ended') return `output may be incomplete: ${outputError}`;
  switch (result.reason) {
    case 'exited':
      return result.note;
    case 'timeout':
      return 'the command was killed at its timeout';
    case 'oom':
      return 'the command was killed because it reached the memory limit';
    case 'aborted':
      return 'the command was ended because Paddock was told to';
    case 'output-limit':
      return 'the command was killed because it printed too much';
    case 'disk-limit':
      return `the command was killed at the limit of the disk${result.note === undefined ? '' : `: ${result.note}`}`;
    case 'lost':
      return 'something in the sandbox killed what supervised the command; all of it has been ended';
    case 'session-ended':
      return `the session ended while the command ran${outputError === undefined ? '' : `: ${outputError}`}`;
  }
}
