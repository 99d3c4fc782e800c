import type { Readable } from 'node:stream';
import { EngineError, PaddockError } from '../../core/errors.js';
import { safeLine } from '../../kit/safe-text.js';
import { Deadline } from '../transport/deadline.js';
import { transportError } from '../transport/failures.js';
import { type Call, describe, type Transport } from '../transport/transport.js';
import { type Progress, progress } from '../wire/images.js';
import { jsonLines } from '../wire/json-lines.js';
import { parseJson } from '../wire/parse.js';

/**
 * Reads a progress stream to its end; the engines report a failure as one of its lines, after a 200. `timeoutMs` and the signal count
 * until then. A line is at most 1 MiB.
 */
export async function followProgress(
  transport: Transport,
  call: Call & { readonly timeoutMs: number },
  onLine?: (line: Progress) => void,
): Promise<void> {
  const what = describe(call);
  const take = onLine ?? ((line: Progress) => throwFailure(line, what));
  const deadline = new Deadline(call.timeoutMs, call.signal);
  try {
    const reply = await transport.stream({ ...call, signal: deadline.signal });
    try {
      for await (const line of jsonLines(reply.body)) take(parseJson(progress, line, what));
    } finally {
      await reply.close();
    }
  } catch (thrown) {
    throw deadline.error(what, thrown) ?? transportError(thrown, what);
  } finally {
    deadline.clear();
  }
}

function throwFailure({ error }: Progress, what: string): void {
  if (error === '') return;
  const words = safeLine(error);
  throw new EngineError('ENGINE_FAILED', `${what}: ${words}`, { info: { engineWords: words } });
}

/** An archive that breaks off must not become an image: its error ends the request, and is what the caller sees. */
export async function sentWhole<T>(tar: Readable, what: string, send: () => Promise<T>): Promise<T> {
  let broken: unknown;
  tar.on('error', (error) => {
    broken = error;
  });
  try {
    return await send();
  } catch (thrown) {
    if (broken === undefined || !(thrown instanceof EngineError)) throw thrown;
    // Whoever makes the archive has said what was wrong, and what to do.
    if (broken instanceof PaddockError) throw broken;
    const why = broken instanceof Error ? `: ${safeLine(broken.message)}` : '';
    throw new EngineError('ENGINE_FAILED', `${what}: the archive broke off${why}`, { cause: broken });
  } finally {
    tar.destroy();
  }
}
