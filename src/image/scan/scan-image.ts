import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PaddockError, SandboxError } from '../../core/errors.js';
import type { ImageScan } from '../../core/image-scan.js';
import { formatBytes } from '../../core/units.js';
import type { ImageInfo } from '../../engine/image-types.js';
import type { Engine } from '../../engine/types.js';
import type { Clock } from '../../kit/clock.js';
import { Disposables } from '../../kit/disposables.js';
import { codeOf } from '../../kit/error-code.js';
import { removeFolder } from '../../kit/remove-folder.js';
import { safeText } from '../../kit/safe-text.js';
import { askScanner } from './ask-scanner.js';
import { type Environment, findScanner } from './find-scanner.js';
import { summed } from './findings.js';
import type { ScanStore } from './scan-store.js';
import type { ScannerName } from './scanners.js';

export interface ImageScannerOptions {
  readonly engine: Engine;
  readonly store: ScanStore;
  readonly clock: Clock;
  readonly env: Environment;
  /** Resolves when this scan may begin; the next one may when it is disposed. */
  readonly turn: (signal: AbortSignal) => Promise<AsyncDisposable>;
  /** What we do, a line each. */
  readonly onStep: (text: string) => void;
}

const mib = 1024 ** 2;
/** Of what engines add to the layers: headers of every file, and a description. */
const archiveSlackBytes = 256 * mib;
const workPrefix = 'work-';
/** Longer than any scan takes: what is older was left by a process that was killed. */
const leftOverAfterMs = 6 * 3_600_000;

/**
 * Has an installed scanner look at an image, and keeps what it says. The image is handed over as an archive of exactly the id that was looked up, in a
 * folder of ours: a scanner that talked to the engine would scan what the name means by then, and could do all else that the engine can.
 * Errors: SCANNER_MISSING, IMAGE_NOT_FOUND, SCAN_FAILED, STATE_UNWRITABLE, EngineError, INTERRUPTED.
 */
export class ImageScanner {
  readonly #options: ImageScannerOptions;

  constructor(options: ImageScannerOptions) {
    this.#options = options;
  }

  async scan(reference: string, signal: AbortSignal, name?: ScannerName): Promise<ImageScan> {
    const { engine, store, clock, env, onStep, turn } = this.#options;
    const found = await findScanner(env, name);
    await using held = new Disposables();
    held.use(await turn(signal));
    const image = await engine.inspectImage(reference, signal);
    if (image === undefined) throw new SandboxError('IMAGE_NOT_FOUND', `the engine has no image ${reference}`);
    await using folder = await workFolder(store.folder, clock);
    const archive = join(folder.path, 'image.tar');
    onStep(`writing ${reference} for ${found.scanner.name}, ${formatBytes(image.sizeBytes)}`);
    await this.#save(image, archive, signal);
    onStep(`${found.program} scans it`);
    const empty = join(folder.path, 'empty');
    await mkdir(empty);
    const scannedAtMs = clock.now();
    const said = await askScanner(found, { archive, folder: empty, env, signal });
    const { isRecognised, isEndOfLife, version, databaseAtMs, findings } = said;
    const scanner = { name: found.scanner.name, ...(version === undefined ? {} : { version: safeText(version, 40) }) };
    const known = { isRecognised, isEndOfLife, ...(databaseAtMs === undefined ? {} : { databaseAtMs }) };
    const scan = { imageId: image.id, reference, scanner, scannedAtMs, ...known, ...summed(findings) };
    await store.keep(scan);
    return scan;
  }

  async #save({ id, sizeBytes }: ImageInfo, path: string, signal: AbortSignal): Promise<void> {
    const most = 2 * sizeBytes + archiveSlackBytes;
    const { bavail, bsize } = await statfs(path.slice(0, path.lastIndexOf('/')));
    if (bavail * bsize < sizeBytes + archiveSlackBytes) {
      throw new PaddockError(
        'SCAN_FAILED',
        `no room for the image's archive (${formatBytes(sizeBytes)}) beside ${path}`,
      );
    }
    await using saved = await this.#options.engine.saveImage(id, signal);
    try {
      await pipeline(saved.tar, upTo(most), createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal });
    } catch (cause) {
      if (signal.aborted) throw new PaddockError('INTERRUPTED', 'the scan was cancelled', { cause });
      if (cause instanceof PaddockError) throw cause;
      throw new PaddockError(
        'SCAN_FAILED',
        `the image could not be written to ${path} (${codeOf(cause) ?? 'broken off'})`,
        {
          cause,
        },
      );
    }
  }
}

function upTo(mostBytes: number): Transform {
  let length = 0;
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      length += piece.length;
      if (length <= mostBytes) done(null, piece);
      else done(new PaddockError('SCAN_FAILED', `the image's archive is larger than ${formatBytes(mostBytes)}`));
    },
  });
}

async function workFolder(parent: string, clock: Clock): Promise<AsyncDisposable & { readonly path: string }> {
  try {
    await mkdir(parent, { recursive: true, mode: 0o700 });
    await removeLeftOver(parent, clock);
    const path = await mkdtemp(join(parent, workPrefix));
    return { path, [Symbol.asyncDispose]: () => removeFolder(path) };
  } catch (cause) {
    throw new PaddockError('STATE_UNWRITABLE', `no folder can be made in ${parent}`, { cause });
  }
}

/** An archive may be gigabytes, and a process that is killed leaves it. */
async function removeLeftOver(parent: string, clock: Clock): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(workPrefix)) continue;
    const path = join(parent, name);
    const facts = await stat(path).catch(() => undefined);
    if (facts !== undefined && clock.now() - facts.mtimeMs > leftOverAfterMs) await removeFolder(path);
  }
}
