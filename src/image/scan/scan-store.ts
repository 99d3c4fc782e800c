import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { PaddockError } from '../../core/errors.js';
import { type ImageScan, severities } from '../../core/image-scan.js';
import { codeOf } from '../../kit/error-code.js';
import { randomBase32 } from '../../kit/random-id.js';
import { writeNewFile } from '../../kit/write-new-file.js';

/** Of images whose scans are listed. */
const mostListed = 500;

const count = z.object({ found: z.number(), fixable: z.number() });

const kept = z.object({
  version: z.literal(1),
  scan: z.object({
    imageId: z.string(),
    reference: z.string(),
    scanner: z.object({ name: z.string(), version: z.string().optional() }),
    scannedAtMs: z.number(),
    databaseAtMs: z.number().optional(),
    isRecognised: z.boolean(),
    isEndOfLife: z.boolean(),
    counts: z.object({ unknown: count, low: count, medium: count, high: count, critical: count }),
    findings: z.array(
      z.object({
        id: z.string(),
        severity: z.enum(severities),
        package: z.string(),
        installed: z.string(),
        fixedIn: z.string().optional(),
      }),
    ),
    leftOut: z.number(),
  }),
});

/** The last scan of each image, a file each, in a folder of the state folder: no sandbox is shown it. */
export class ScanStore {
  readonly folder: string;

  constructor(stateDir: string) {
    this.folder = join(stateDir, 'scans');
  }

  /** Undefined where there is none, or none that can be read: an image counts as unscanned then. */
  async last(imageId: string): Promise<ImageScan | undefined> {
    const path = this.#pathOf(imageId);
    try {
      const { scan } = kept.parse(JSON.parse(await readFile(path, 'utf8')));
      return scan.imageId === imageId ? scan : undefined;
    } catch (error) {
      if (error instanceof z.ZodError || error instanceof SyntaxError || codeOf(error) !== undefined) return undefined;
      throw error;
    }
  }

  /** The last of every image, in no order; what can't be read is left out. */
  async all(): Promise<readonly ImageScan[]> {
    const names = await readdir(this.folder).catch(() => []);
    const ids = names.flatMap((name) => /^([0-9a-f]{64})\.json$/.exec(name)?.[1] ?? []);
    const found = await Promise.all(
      ids.slice(0, mostListed).map(async (id) => (await this.last(id)) ?? (await this.last(`sha256:${id}`))),
    );
    return found.filter((scan) => scan !== undefined);
  }

  /** Takes the place of the one before. Errors: STATE_UNWRITABLE. */
  async keep(scan: ImageScan): Promise<void> {
    const path = this.#pathOf(scan.imageId);
    const fresh = `${path}.${randomBase32(8)}`;
    try {
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      await writeNewFile(fresh, JSON.stringify({ version: 1, scan }));
      await rename(fresh, path);
    } catch (cause) {
      await rm(fresh, { force: true }).catch(() => undefined);
      throw new PaddockError('STATE_UNWRITABLE', `the scan could not be kept in ${this.folder}`, { cause });
    }
  }

  #pathOf(imageId: string): string {
    const hex = /^(?:sha256:)?([0-9a-f]{64})$/.exec(imageId)?.[1];
    if (hex === undefined) throw new PaddockError('ENGINE_PROTOCOL', 'the id of the image is not a digest');
    return join(this.folder, `${hex}.json`);
  }
}
