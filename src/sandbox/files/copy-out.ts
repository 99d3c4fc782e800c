import { type Extract, extract } from 'tar-stream';
import { PaddockError, SandboxError } from '../../core/errors.js';
import { initTarget } from '../body/input.js';
import { notOurs, type RunInside, refuseFailed, shown } from './inside.js';
import { SplitOutput } from './split-output.js';
import type { Tally } from './tally.js';
import type { TransferBounds } from './transfer-bounds.js';

export interface CopyOptions {
  readonly tally: Tally;
  readonly bounds: TransferBounds;
  readonly signal?: AbortSignal | undefined;
}

const timeoutMs = 600_000;
const outputLimitBytes = 4 * 1024 ** 3;

/**
 * Has a file or a folder of the sandbox packed, and gives the archive to `sink`, which believes nothing of it. When this has ended,
 * nothing goes on. Errors: those of `askInside`, and of `sink`.
 */
export async function copyOut(
  run: RunInside,
  path: string,
  sink: (archive: Extract) => Promise<void>,
  { tally, bounds, signal }: CopyOptions,
): Promise<void> {
  const archive = extract();
  const broken = new AbortController();
  const said = new SplitOutput(archive);
  let isGivenUp = false;
  const taken = sink(archive).catch((error: unknown) => {
    if (!isGivenUp) broken.abort();
    archive.destroy();
    throw error;
  });
  taken.catch(() => undefined);
  try {
    const argv = [initTarget, '--file-pack', path, String(bounds.entries), String(bounds.bytes)];
    const request = {
      ...{ argv, timeoutMs, outputCapBytes: 1024, outputLimitBytes },
      ...(path.startsWith('/') ? { cwd: '/' } : {}),
    };
    const both = AbortSignal.any([broken.signal, ...(signal === undefined ? [] : [signal])]);
    const onOutput = (stream: 'stdout' | 'stderr', chunk: Buffer) => said.take(stream, chunk);
    const result = await run(request, { isUnlogged: true, signal: both, onOutput });
    refuseFailed(result, said.first, path);
    if (result.exitCode !== 0 || said.first !== 'ok ') throw notOurs(result, path);
    archive.end(undefined);
  } catch (error) {
    isGivenUp = true;
    archive.destroy(new Error('the transfer has failed'));
    const own = await taken.catch((failure: unknown) => failure);
    // What broke on our side is why the command was ended.
    throw broken.signal.aborted && signal?.aborted !== true ? readable(path, own) : error;
  }
  await taken.catch((error: unknown) => {
    throw readable(path, error);
  });
  for (const { path: at, why } of said.leftOut()) tally.leave(at, why);
}

function readable(path: string, error: unknown): unknown {
  if (error instanceof PaddockError) return error;
  return (
    hostFailure(error) ??
    new SandboxError('FILES_UNAVAILABLE', `what the sandbox says of ${shown(path)} can't be read`, { cause: error })
  );
}

/** What the kernel says of the host's files, as ours; undefined for anything else. */
export function hostFailure(error: unknown): PaddockError | undefined {
  if (!(error instanceof Error) || !('syscall' in error)) return undefined;
  return new PaddockError('TRANSFER_FAILED', `the host's files can't be used: ${error.message}`, { cause: error });
}
