import { basename, posix, resolve } from 'node:path';
import type { AuditRecorder } from '../../audit/audit-log.js';
import { audited } from '../../audit/audited.js';
import { Digest, digest, plain } from '../../audit/redaction.js';
import { PaddockError, SandboxError, toPaddockError } from '../../core/errors.js';
import type { Clock } from '../../kit/clock.js';
import { safeLine } from '../../kit/safe-text.js';
import { copyIn, kindInside } from '../../sandbox/files/copy-in.js';
import { copyOut, hostFailure } from '../../sandbox/files/copy-out.js';
import type { RunInside } from '../../sandbox/files/inside.js';
import { putIn } from '../../sandbox/files/put-in.js';
import { sift, siftStream } from '../../sandbox/files/sift.js';
import { takeOut } from '../../sandbox/files/take-out.js';
import { Tally } from '../../sandbox/files/tally.js';
import type { TransferBounds } from '../../sandbox/files/transfer-bounds.js';
import { hostSource, hostTarget, isContent, type Judgement } from './host-place.js';
import { placeJudge } from './place-judge.js';
import { refusalOf, type TransferReport } from './report.js';

/** A session, as far as a transfer needs it: whoever holds it runs its commands. */
export interface TransferSubject {
  readonly sessionId: string;
  readonly run: RunInside;
}

export interface TransferRequest {
  readonly path: string;
  readonly hostPath: string;
  readonly overwrite: boolean;
  /** Files that are wanted on the host although they are withheld, by their paths below what is copied. */
  readonly named: readonly string[];
}

export interface TransferContext {
  readonly signal: AbortSignal;
  readonly onProgress?: Tally['onProgress'];
}

export interface SessionTransfersOptions {
  readonly audit: AuditRecorder;
  readonly clock: Clock;
  readonly judgement: Judgement;
  /** What the site withholds besides. */
  readonly withhold: readonly string[];
  readonly bounds: TransferBounds;
  /** Longest that one takes; undefined: as long as its commands may. */
  readonly limitMs?: number;
}

type Copy = (
  tally: Tally,
  signal: AbortSignal,
) => Promise<Pick<TransferReport, 'hostPath' | 'path'> & Partial<TransferReport>>;

/**
 * Copies files between a session and the host, recorded by counts and digests. Errors: POLICY_DENIED, BAD_ARGUMENT, LIMIT_REACHED,
 * TRANSFER_FAILED, AUDIT_UNWRITABLE, those of commands in the session.
 */
export class SessionTransfers {
  readonly #options: SessionTransfersOptions;

  constructor(options: SessionTransfersOptions) {
    this.#options = options;
  }

  /** From the session to the host. */
  out(
    { sessionId, run }: TransferSubject,
    request: TransferRequest,
    context: TransferContext,
  ): Promise<TransferReport> {
    const { path, overwrite, named } = request;
    const { judgement, withhold, bounds } = this.#options;
    return this.#recorded('out', sessionId, request, context, async (tally, signal) => {
      const target = await hostTarget(request.hostPath, path, judgement);
      await using folder = target.folder;
      const judge = placeJudge({ root: target.root, isExact: target.isExact, named, withhold });
      const to = { ...target, folder, overwrite, judge };
      await copyOut(run, path, (archive) => takeOut(archive, to, tally, bounds), { tally, bounds, signal });
      for (const name of judge.unused()) tally.leave(name, 'names-nothing');
      return { hostPath: target.root, path };
    });
  }

  /** From the host to the session. */
  in({ sessionId, run }: TransferSubject, request: TransferRequest, context: TransferContext): Promise<TransferReport> {
    const { judgement, bounds } = this.#options;
    if (request.named.length > 0) return Promise.reject(nothingWithheld());
    return this.#recorded('in', sessionId, request, context, async (tally, signal) => {
      const source = await hostSource(request.hostPath, judgement);
      await using folder = source.folder;
      const place = await placeInside(run, request, source.name === undefined, signal);
      const pieces = putIn({ ...source, folder, as: place.as }, tally, bounds);
      const { overwrite } = request;
      const made = await copyIn(run, place.at, pieces, { tally, overwrite, signal, top: place.as });
      return { ...made, hostPath: source.path, path: posix.join(place.at, place.as ?? '.') };
    });
  }

  /** From the session as a plain archive; `write` resolves when there is room for more. */
  toStream(
    { sessionId, run }: TransferSubject,
    path: string,
    write: (piece: Buffer) => Promise<void>,
    context: TransferContext,
  ) {
    const { bounds } = this.#options;
    const request = { path, hostPath: '-', overwrite: false, named: [] };
    return this.#recorded('out', sessionId, request, context, async (tally, signal) => {
      const top = isContent(path) ? undefined : posix.basename(path) || undefined;
      const sink = async (archive: Parameters<typeof sift>[0]) => {
        for await (const piece of sift(archive, top, tally, bounds)) await write(piece);
      };
      await copyOut(run, path, sink, { tally, bounds, signal });
      return { hostPath: '-', path };
    });
  }

  /** From an archive into a folder of the session that is there. */
  fromStream(
    { sessionId, run }: TransferSubject,
    stream: AsyncIterable<Buffer>,
    request: Omit<TransferRequest, 'hostPath'>,
    context: TransferContext,
  ) {
    const { bounds } = this.#options;
    const { path, overwrite } = request;
    if (request.named.length > 0) return Promise.reject(nothingWithheld());
    return this.#recorded('in', sessionId, { ...request, hostPath: '-' }, context, async (tally, signal) => {
      if ((await kindInside(run, path, signal)) !== 'folder') throw noFolder(path);
      const pieces = siftStream(stream, tally, bounds);
      const made = await copyIn(run, path, pieces, { tally, overwrite, signal });
      return { ...made, hostPath: '-', path };
    });
  }

  async #recorded(
    direction: 'in' | 'out',
    sessionId: string,
    request: TransferRequest,
    context: TransferContext,
    copy: Copy,
  ): Promise<TransferReport> {
    const { path, hostPath, overwrite, named } = request;
    return audited(this.#options.audit, {
      action: 'files.transfer',
      session: sessionId,
      details: {
        direction: plain(direction),
        path: digest(path),
        host: digest(hostPath),
        overwrite,
        named: named.length,
      },
      run: async () => {
        const report = await this.#limited(direction, sessionId, context, copy);
        const refusal = refusalOf(report);
        if (refusal !== undefined) throw refusal;
        return report;
      },
      describe: ({ entries, bytes, sha256, leftOut, moreLeftOut }) => ({
        ...{ entries, content: new Digest(bytes, sha256), left: leftOut.length + moreLeftOut },
        withheld: leftOut.filter(({ why }) => why.startsWith('withheld.')).length,
      }),
    });
  }

  async #limited(
    direction: 'in' | 'out',
    sessionId: string,
    { signal, onProgress }: TransferContext,
    copy: Copy,
  ): Promise<TransferReport> {
    const { clock, limitMs } = this.#options;
    const [over, late] = [new AbortController(), new AbortController()];
    const tally = new Tally(onProgress);
    if (limitMs !== undefined)
      void clock.sleep(limitMs, over.signal).then(
        () => late.abort(),
        () => undefined,
      );
    try {
      const where = await copy(tally, AbortSignal.any([signal, late.signal]));
      const { moreLeftOut, bytes, sha256, ...counts } = tally.counts();
      // Names from a sandbox may be made to act on who reads them.
      const leftOut = counts.leftOut.map(({ path, why }) => ({ path: safeLine(path, 400), why }));
      return { sessionId, direction, entries: tally.entries, bytes, sha256, leftOut, moreLeftOut, ...where };
    } catch (error) {
      if (late.signal.aborted && !signal.aborted) throw tooLong(limitMs ?? 0, tally);
      throw withCopied(hostFailure(error) ?? toPaddockError(error), tally);
    } finally {
      over.abort();
    }
  }
}

/** Where in the session a copy goes, as `cp` has it. */
async function placeInside(
  run: RunInside,
  { path, hostPath, overwrite }: TransferRequest,
  isFolder: boolean,
  signal: AbortSignal,
): Promise<{ readonly at: string; readonly as: string | undefined }> {
  const kind = await kindInside(run, path, signal);
  if (kind === 'folder')
    return { at: path, as: isFolder && isContent(hostPath) ? undefined : basename(resolve(hostPath)) };
  if (kind !== undefined && (isFolder || path.endsWith('/'))) throw noFolder(path);
  if (kind !== undefined && !overwrite)
    throw new SandboxError('FILE_EXISTS', `${JSON.stringify(path)} is there already`);
  if (kind === undefined && !isFolder && path.endsWith('/')) throw noFolder(path);
  return { at: posix.dirname(path), as: posix.basename(path) };
}

function nothingWithheld(): PaddockError {
  return new PaddockError(
    'BAD_ARGUMENT',
    'named is for what is copied out to a place of the host: nothing else is withheld',
  );
}

function noFolder(path: string): SandboxError {
  return new SandboxError('FILE_KIND', `${JSON.stringify(path.slice(0, 400))} is no folder of the session`, {
    hint: 'Make it first (mkdir -p), or give the path that the copy itself is to have.',
  });
}

function tooLong(limitMs: number, { entries, bytes }: Tally): PaddockError {
  return new PaddockError(
    'LIMIT_REACHED',
    `it was not done in ${limitMs / 1000} s: ${entries} entries, ${bytes} bytes were copied`,
    {
      hint: 'What was copied is whole, and stays. Copy the rest folder by folder.',
      info: { entries, bytes },
    },
  );
}

/** Says what of it is there already. */
function withCopied(error: PaddockError, { entries, bytes }: Tally): PaddockError {
  if (entries === 0) return error;
  const { code, message, hint, info } = error;
  return new PaddockError(code, `${message}; ${entries} entries, ${bytes} bytes were copied before, and stay`, {
    ...{ hint, cause: error, info: { ...info, entries, bytes } },
  });
}
