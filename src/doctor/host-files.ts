import { constants } from 'node:fs';
import { access, lstat, realpath, stat, statfs } from 'node:fs/promises';
import { readProcFile } from '../kit/proc/read.js';
import { debianVersion } from './host-packages.js';

export interface FileFacts {
  readonly kind: 'file' | 'folder' | 'socket' | 'link' | 'other';
  readonly uid: number;
  readonly gid: number;
  /** Permission bits with set-id and sticky, for example 0o1777. */
  readonly mode: number;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
}

/** How the checks see the host's files; a hand-written one stands in for a bad host in tests. */
export interface HostFiles {
  /** At most 256 KiB of text; undefined when missing, unreadable or larger. */
  readText(path: string): Promise<string | undefined>;
  /** Links followed. */
  facts(path: string): Promise<FileFacts | undefined>;
  /** The link itself, when it is one. */
  linkFacts(path: string): Promise<FileFacts | undefined>;
  realPath(path: string): Promise<string | undefined>;
  isWritable(path: string): Promise<boolean>;
  freeBytes(path: string): Promise<number | undefined>;
  /** Of an installed package of Debian's kind; undefined where it is not installed, or packages are of another kind. */
  debianVersion(name: string): Promise<string | undefined>;
}

const orNothing = async <T>(promise: Promise<T>): Promise<T | undefined> => promise.catch(() => undefined);

export const hostFiles: HostFiles = {
  readText: (path) => Promise.resolve(readProcFile(path)),
  facts: async (path) => factsOf(await orNothing(stat(path))),
  linkFacts: async (path) => factsOf(await orNothing(lstat(path))),
  realPath: (path) => orNothing(realpath(path)),
  isWritable: async (path) => (await orNothing(access(path, constants.W_OK).then(() => true))) ?? false,
  freeBytes: async (path) => {
    const status = await orNothing(statfs(path));
    return status && status.bavail * status.bsize;
  },
  debianVersion,
};

function factsOf(status: Awaited<ReturnType<typeof stat>> | undefined): FileFacts | undefined {
  if (status === undefined) return undefined;
  const kind = status.isFile()
    ? 'file'
    : status.isDirectory()
      ? 'folder'
      : status.isSocket()
        ? 'socket'
        : status.isSymbolicLink()
          ? 'link'
          : 'other';
  return {
    kind,
    uid: Number(status.uid),
    gid: Number(status.gid),
    mode: Number(status.mode) & 0o7777,
    sizeBytes: Number(status.size),
    modifiedAtMs: Number(status.mtimeMs),
  };
}
