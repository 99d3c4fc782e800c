import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { AuditError } from '../../core/errors.js';
import { rootProgram } from '../../kit/root-program.js';
import { safeLine } from '../../kit/safe-text.js';
import type { Deliver } from './forwarder.js';

/** What a receiver files the lines under, and what they are found by there. */
export const syslogTag = 'paddock-audit';

/** Where journald takes what is meant for syslog; it is there wherever journald is. */
export const journalSocket = '/run/systemd/journal/dev-log';

/** Of util-linux: Node has no datagram sockets of that kind. */
const places = ['/usr/bin/logger', '/bin/logger'];

/** More than a record with every character escaped; longer lines would be cut in several. */
const mostLineBytes = 32_768;
const quotedChars = 300;

/**
 * Sends lines to a local syslog socket, a message for each, by `logger`: no shell, nothing of our environment, an argument list of ours. It
 * takes part as often as there is something to send. Errors: AUDIT_NOT_FORWARDED, when there is no such program or socket.
 */
export async function syslogSocket(socketPath: string, programs: readonly string[] = places): Promise<Deliver> {
  const program = await rootProgram(programs);
  if (program === undefined) throw notForwarded(`there is no ${programs.join(' or ')} that is root's`);
  await checkSocket(socketPath);
  return async (lines, signal) => {
    await checkSocket(socketPath);
    await runLogger(program, socketPath, lines, signal);
  };
}

function notForwarded(why: string, cause?: unknown): AuditError {
  return new AuditError('AUDIT_NOT_FORWARDED', `the audit log can't be forwarded: ${why}`, { cause });
}

/** Sends the first line, which shows whether the whole way works. Errors: AUDIT_NOT_FORWARDED. */
export async function tryForwarding(deliver: Deliver, line: string): Promise<void> {
  try {
    await deliver([line], AbortSignal.timeout(5000));
  } catch (error) {
    throw notForwarded(safeLine(error instanceof Error ? error.message : String(error)), error);
  }
}

/** Not left to `logger`: a build of it for systemd is silent about some that are missing. */
async function checkSocket(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isSocket() !== true) throw notForwarded(`${safeLine(path)} is no socket, or not there`);
}

async function runLogger(
  program: string,
  socketPath: string,
  lines: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const args = ['--socket', socketPath, '--socket-errors=on', '--tag', syslogTag, '--priority', 'authpriv.notice'];
  const child = spawn(program, [...args, '--skip-empty', '--size', String(mostLineBytes)], {
    ...{ env: { LC_ALL: 'C' }, cwd: '/', stdio: ['pipe', 'ignore', 'pipe'] },
  });
  const end = () => child.kill('SIGKILL');
  signal.addEventListener('abort', end, { once: true });
  let words = '';
  child.stderr.on('data', (piece) => {
    words = (words + String(piece)).slice(0, quotedChars);
  });
  // It may end before it has read everything; its status says so.
  child.stdin.on('error', () => undefined);
  child.stdin.end(`${lines.join('\n')}\n`);
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    if (signal.aborted) throw new Error(`nobody reads what is sent to ${safeLine(socketPath)}`);
    // It ends well after some failures, and complains of them.
    if (code !== 0 || words !== '') throw new Error(safeLine(words) || `${program} ended with status ${String(code)}`);
  } finally {
    signal.removeEventListener('abort', end);
  }
}
