import { constants } from 'node:fs';
import { chmod, type FileHandle, lstat, open, opendir, rename, rmdir, unlink } from 'node:fs/promises';
import { codeOf } from './error-code.js';
import { openPathOnly } from './open-path-only.js';

const ownerOnly = 0o700;

/**
 * Removes a folder of ours with whatever somebody hostile has put into it: folders that are closed to their owner, any depth (also
 * where no path reaches any more), names that are no text, links. It follows none: every folder is opened by its name in one that is
 * open, and what is below it is moved up to the top first. The folder need not exist. Rejects with what the kernel says where something stays.
 */
export async function removeTree(path: string): Promise<void> {
  const top = await openFolder(Buffer.from(path)).catch((error: unknown) => {
    if (isGone(error)) return undefined;
    throw error;
  });
  if (top === undefined) return;
  try {
    await new Removal(top).run();
  } finally {
    await top.close();
  }
  await rmdir(path);
}

class Removal {
  readonly #prefix: Buffer;
  /** Folders that lie right in the top. */
  readonly #left: Buffer[] = [];
  #moved = 0;

  constructor(top: FileHandle) {
    this.#prefix = prefixOf(top);
  }

  async run(): Promise<void> {
    await this.#empty(this.#prefix, (name) => this.#left.push(name));
    for (let name = this.#left.pop(); name !== undefined; name = this.#left.pop()) {
      const path = Buffer.concat([this.#prefix, name]);
      // Whoever makes it may have left it closed, and what is empty needs no opening: it could be another's.
      if (await isRemoved(path)) continue;
      const folder = await openFolder(path);
      try {
        const prefix = prefixOf(folder);
        await this.#empty(prefix, (below) => this.#moveUp(Buffer.concat([prefix, below])));
      } finally {
        await folder.close();
      }
      await rmdir(path);
    }
  }

  async #empty(prefix: Buffer, onFolder: (name: Buffer) => unknown): Promise<void> {
    for (const name of await namesIn(prefix)) {
      const path = Buffer.concat([prefix, name]);
      if ((await lstat(path)).isDirectory()) await onFolder(name);
      else await unlink(path);
    }
  }

  async #moveUp(path: Buffer): Promise<void> {
    if (await isRemoved(path)) return;
    await opened(path);
    for (;;) {
      const name = Buffer.from(`${process.pid}-${this.#moved++}`);
      try {
        await rename(path, Buffer.concat([this.#prefix, name]));
        this.#left.push(name);
        return;
      } catch (error) {
        // A name that somebody was there with before.
        if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'ENOTDIR' && codeOf(error) !== 'EEXIST') throw error;
      }
    }
  }
}

/** Once it can be read and written by its owner. */
async function openFolder(path: Buffer): Promise<FileHandle> {
  await opened(path);
  return open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}

/** Gives a folder's owner what it takes to empty and to move it; not that of a link's target. */
async function opened(path: Buffer): Promise<void> {
  const handle = await open(path, openPathOnly | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    await chmod(`/proc/self/fd/${handle.fd}`, ownerOnly);
  } finally {
    await handle.close();
  }
}

async function isRemoved(path: Buffer): Promise<boolean> {
  return rmdir(path).then(
    () => true,
    (error: unknown) => {
      if (codeOf(error) === 'ENOTEMPTY') return false;
      throw error;
    },
  );
}

/** At once: what is moved into a folder that is being read may turn up in it again. */
async function namesIn(prefix: Buffer): Promise<readonly Buffer[]> {
  const names: Buffer[] = [];
  // The type of node:fs knows no encoding of names that are no text.
  const options = { encoding: 'buffer' as BufferEncoding };
  for await (const { name } of await opendir(prefix, options)) names.push(name as unknown as Buffer);
  return names;
}

function prefixOf({ fd }: FileHandle): Buffer {
  return Buffer.from(`/proc/self/fd/${fd}/`);
}

function isGone(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}
