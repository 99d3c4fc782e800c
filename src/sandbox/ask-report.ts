import type { Channel } from '../channel/types.js';
import { parseReport, type Report } from '../confine/report.js';
import { SandboxError } from '../core/errors.js';
import { initTarget } from './body/input.js';

/** Two mount tables of the greatest size that is judged. */
const mostBytes = 5 * 1024 * 1024;
const timeoutMs = 10_000;

/**
 * Has process 1 tell what the kernel shows inside, by a program of ours and before any other has run. Errors: SANDBOX_UNVERIFIED, those of
 * `Channel.start`.
 */
export async function askReport(channel: Channel, words: readonly string[], signal?: AbortSignal): Promise<Report> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const onOutput = (stream: string, chunk: Buffer) => {
    bytes += chunk.length;
    if (stream === 'stdout' && bytes <= mostBytes) chunks.push(Buffer.from(chunk));
  };
  const argv = [initTarget, '--report', ...words];
  const command = await channel.start(
    { argv, env: {}, cwd: '/', timeoutMs, graceMs: 0, stdin: false },
    { onOutput },
    signal,
  );
  const { how, status } = await command.exited;
  signal?.throwIfAborted();
  const report = how === 'exited' && status === 0 ? parseReport(Buffer.concat(chunks), words) : undefined;
  if (report !== undefined && bytes <= mostBytes) return report;
  throw new SandboxError('SANDBOX_UNVERIFIED', `process 1 does not say what it sees (${how} ${status ?? '-'})`);
}
