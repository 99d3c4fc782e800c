import { safeLine } from '../kit/safe-text.js';
import type { SessionCommand } from '../session/session-command.js';
import type { ToolContext } from './define-tool.js';

const everyMs = 2000;

/** Reports the last line of a running command as progress every two seconds; returns what stops that. */
export function followCommand(entry: SessionCommand, context: ToolContext): () => void {
  let seen = 0;
  const timer = setInterval(() => {
    const { stdout, stderr } = entry.command.output;
    const total = stdout.totalBytes + stderr.totalBytes;
    if (total === seen) return;
    seen = total;
    const from = Math.max(0, stdout.totalBytes - 400);
    const last = stdout.readFrom(from, 400).bytes.toString('utf8').trimEnd().split('\n').at(-1) ?? '';
    context.progress(last === '' ? `${total} bytes of output` : safeLine(last, 200));
  }, everyMs);
  return () => clearInterval(timer);
}
