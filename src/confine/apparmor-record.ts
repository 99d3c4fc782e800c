import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from 'node:fs';
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { LoadedProfile } from './apparmor.js';

/**
 * Whether the profile that the kernel has is the one of this Paddock. shipped: it is · outdated: it is that of another version · changed: it is
 * none that was installed · unknown: that can't be told.
 */
export type LoadedIs = 'shipped' | 'outdated' | 'changed' | 'unknown';

export interface LoadedState {
  readonly is: LoadedIs;
  /** The first digits of the kernel's own hash of what it has. */
  readonly hash?: string;
  /** Where it is not the shipped one: why, as a sentence without a full stop. */
  readonly why?: string;
}

/** Where things are; all but `shipped` have the places of every Linux as their defaults. */
export interface RecordPlaces {
  /** Folder of the profiles as they came with Paddock, each by its name. */
  readonly shipped: string;
  readonly folder?: string;
  /** Whose word counts: who may have written records. */
  readonly trustedUid?: number;
  readonly kernelRelease?: string;
}

const mostBytes = 16 * 1024;
const hex = z.string().regex(/^[0-9a-f]{40,64}$/);
const recordSchema = z.strictObject({
  version: z.literal(1),
  profile: z.string(),
  /** Of the compiled profile, as the kernel tells it; the same for the same rules, whatever cache they came through. */
  loaded: z.strictObject({ algorithm: z.enum(['sha256', 'sha1']), value: hex }),
  /** SHA-256 of the rules it was compiled from. */
  rules: hex,
  kernel: z.string(),
});
type LoadRecord = z.infer<typeof recordSchema>;

/**
 * What root wrote down when it loaded a profile: the kernel's hash of the compiled rules, which anybody can read again later, and the digest of
 * the text that they were compiled from. The hash alone tells nothing, since every parser compiles in its own way. Reading needs no right
 * and never throws; a record that others than root could have written is none.
 */
export class AppArmorRecords {
  readonly #shipped: string;
  readonly #folder: string;
  readonly #trustedUid: number;
  readonly #kernel: string;

  constructor({ shipped, folder, trustedUid, kernelRelease }: RecordPlaces) {
    this.#shipped = shipped;
    this.#folder = folder ?? '/var/lib/paddock/apparmor';
    this.#trustedUid = trustedUid ?? 0;
    this.#kernel = kernelRelease ?? release();
  }

  /** What is loaded under this name, held against what came with Paddock. */
  judge(profile: string, loaded: LoadedProfile | undefined): LoadedState {
    if (loaded === undefined) return { is: 'unknown', why: 'it is not loaded' };
    if (loaded.hash === undefined) {
      return { is: 'unknown', why: 'this kernel keeps no hash of what it has loaded (apparmor.hash_policy)' };
    }
    const hash = loaded.hash.value.slice(0, 8);
    const found = this.#read(profile);
    if (typeof found === 'string') return { is: 'unknown', hash, why: found };
    const { algorithm, value } = found.loaded;
    if (algorithm !== loaded.hash.algorithm || value !== loaded.hash.value) {
      // Another kernel may know more, and have its parser compile the same rules to something else.
      return algorithm === loaded.hash.algorithm && found.kernel === this.#kernel
        ? { is: 'changed', hash, why: 'the kernel has other rules loaded than were installed' }
        : { is: 'unknown', hash, why: `it was installed on another kernel (${found.kernel}), and compiled anew since` };
    }
    const shipped = rulesDigest(textOf(join(this.#shipped, profile)));
    if (shipped === undefined)
      return { is: 'unknown', hash, why: 'the profile that came with Paddock can not be read' };
    if (found.rules !== shipped)
      return { is: 'outdated', hash, why: 'what is loaded is that of another version of Paddock' };
    return { is: 'shipped', hash };
  }

  /** As root, right after these rules were loaded. Without a hash of the kernel there is nothing to record, and an older record goes. */
  async write(profile: string, text: string, { hash }: LoadedProfile): Promise<void> {
    if (hash === undefined) {
      await this.remove(profile);
      return;
    }
    const rules = rulesDigest(text) ?? '';
    const record: LoadRecord = { version: 1, profile, loaded: { ...hash }, rules, kernel: this.#kernel };
    const path = this.#pathOf(profile);
    const fresh = `${path}.new`;
    await mkdir(this.#folder, { recursive: true });
    // Whatever root's umask is: everybody reads it, and nobody else writes it.
    for (const folder of [dirname(this.#folder), this.#folder]) await chmod(folder, 0o755);
    await writeFile(fresh, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600 });
    await chmod(fresh, 0o644);
    await rename(fresh, path);
  }

  async remove(profile: string): Promise<void> {
    await rm(this.#pathOf(profile), { force: true });
  }

  #pathOf(profile: string): string {
    return join(this.#folder, `${profile}.json`);
  }

  /** The record, or why there is none. */
  #read(profile: string): LoadRecord | string {
    const path = this.#pathOf(profile);
    let file: number | undefined;
    try {
      file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      const status = fstatSync(file);
      const isTrusted = [status, lstatSync(this.#folder), lstatSync(dirname(this.#folder))].every(
        ({ uid, mode }) => uid === this.#trustedUid && (mode & 0o022) === 0,
      );
      if (!status.isFile() || status.size > mostBytes || !isTrusted)
        return `others than root could have written ${path}`;
      const parsed = recordSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
      return parsed.success && parsed.data.profile === profile ? parsed.data : `${path} can not be understood`;
    } catch (thrown) {
      const isMissing = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
      return isMissing ? 'nobody recorded what was loaded when it was installed' : `${path} can not be read`;
    } finally {
      if (file !== undefined) closeSync(file);
    }
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Of the rules without comments, blank lines and indents, which compile to nothing; `#include` is no comment. */
function rulesDigest(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const lines = text.split('\n').map((line) => line.trim());
  const rules = lines.filter((line) => line !== '' && !/^#(?!include\b)/.test(line));
  return createHash('sha256').update(rules.join('\n')).digest('hex');
}
