import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { AuditError } from '../../core/errors.js';
import { rootProgram } from '../../kit/root-program.js';
import { safeLine } from '../../kit/safe-text.js';
import { syslogTag } from './syslog-socket.js';

const places = ['/usr/bin/journalctl', '/bin/journalctl'];

/**
 * What that user's processes have forwarded to this host's journal, oldest first: who sent it is journald's own word (`_UID`). Errors: BAD_ARGUMENT
 * where there is no journal that can be read.
 */
export async function* readJournal(uid: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const program = await rootProgram(places);
  if (program === undefined) throw unreadable(`there is no ${places.join(' or ')} that is root's`);
  const args = ['--quiet', '--no-pager', '--all', '--output=cat', `--identifier=${syslogTag}`, `_UID=${uid}`];
  const child = spawn(program, args, {
    env: { LC_ALL: 'C.UTF-8' },
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  closed.catch(() => undefined);
  let words = '';
  child.stderr.on('data', (piece) => {
    words = (words + String(piece)).slice(0, 300);
  });
  try {
    for await (const piece of child.stdout) yield piece as Buffer;
    const [code] = await closed;
    signal.throwIfAborted();
    if (code !== 0) throw unreadable(safeLine(words) || `journalctl ended with status ${String(code)}`);
  } finally {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  }
}

function unreadable(why: string): AuditError {
  return new AuditError('BAD_ARGUMENT', `the journal can't be read: ${why}`);
}
