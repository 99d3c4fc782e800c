import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header, type Pack, pack } from 'tar-stream';
import { PaddockError } from '../core/errors.js';
import type { AgentPackage } from './agent-packages.js';

/** One entry of an archive that is read. */
type Source = AsyncIterable<unknown> & { readonly header: Header };

/** A package as a file of this host; in a context, one that nobody else writes (take-package.ts). */
export interface PackageFile {
  readonly package: AgentPackage;
  readonly path: string;
}

/** Where the container file is in the context. */
export const containerfileName = 'Containerfile';

/** What an unpacked package may come to. The largest that is pinned has 430 MB. */
const mostBytes = 1024 ** 3;
const mostFiles = 20_000;

/**
 * The context of a build: the container file, and below `agents/` a folder for each agent and `bin` with a link to each program. A plain
 * tar, made while it is read; whoever reads it destroys it. Of packages only regular files are taken, and no path that leads out.
 */
export function buildContext(containerfile: string, packages: readonly PackageFile[]): Readable {
  return contextOf((draft) => fill(draft, containerfile, packages));
}

/** The context of the server's image: the container file, and below `paddock/` what of this installation it runs by. Made and disposed as above. */
export function serverContext(containerfile: string, packageRoot: string): Readable {
  return contextOf(async (draft) => {
    const { tar } = draft;
    tar.entry({ ...common, name: containerfileName, mode: 0o644 }, containerfile);
    for (const name of installed) await addTree(tar, packageRoot, name);
    tar.finalize();
  });
}

/** What of a package the server runs by; `dist` holds everything that it imports. */
const installed = ['dist', 'profiles', 'Containerfile', 'package.json', 'LICENSE'];

async function addTree(tar: Pack, root: string, name: string): Promise<void> {
  const path = join(root, name);
  const status = await lstat(path).catch((cause: unknown) => {
    throw lacking(path, cause);
  });
  if (status.isDirectory()) {
    tar.entry({ ...common, name: `paddock/${name}`, type: 'directory', mode: 0o755 });
    for (const one of (await readdir(path)).toSorted()) await addTree(tar, root, `${name}/${one}`);
  } else if (status.isFile()) {
    tar.entry(
      { ...common, name: `paddock/${name}`, mode: (status.mode & 0o111) === 0 ? 0o644 : 0o755 },
      await readFile(path),
    );
  }
}

function lacking(path: string, cause: unknown): PaddockError {
  const hint = 'Install Paddock anew: the image of the server is made of what is installed.';
  return new PaddockError('IMAGE_BUILD_FAILED', `this installation has no ${path}`, { hint, cause });
}

/** The lines before the first stage, and those of the one that is named: some builders make every stage up to it. Undefined: there is none of that name. */
export function stageOf(containerfile: string, name: string): string | undefined {
  const [head = '', ...stages] = containerfile.split(/^(?=FROM )/m);
  const stage = stages.find((text) => new RegExp(`^FROM \\S+ AS ${name}$`, 'm').test(text));
  return stage === undefined ? undefined : `${head}${stage}`;
}

function contextOf(write: (draft: Draft) => Promise<void>): Readable {
  const tar = pack();
  const stop = new AbortController();
  const context = Readable.from(tar);
  context.once('close', () => stop.abort());
  write({ tar, signal: stop.signal }).catch((error: unknown) => {
    tar.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  return context;
}

/** The tar in the making; the signal says that nobody reads it any more. */
interface Draft {
  readonly tar: Pack;
  readonly signal: AbortSignal;
}

const common = { uid: 0, gid: 0, mtime: new Date(0) } as const;

async function fill(draft: Draft, containerfile: string, packages: readonly PackageFile[]): Promise<void> {
  const { tar } = draft;
  tar.entry({ ...common, name: containerfileName, mode: 0o644 }, containerfile);
  for (const name of ['agents', 'agents/bin']) tar.entry({ ...common, name, type: 'directory', mode: 0o755 });
  for (const file of packages) {
    await addPackage(draft, file);
    const { agent, program } = file.package;
    const linkname = `../${agent}/${program}`;
    tar.entry({ ...common, name: `agents/bin/${agent}`, type: 'symlink', linkname, mode: 0o777 });
  }
  tar.finalize();
}

async function addPackage(draft: Draft, { package: wanted, path }: PackageFile): Promise<void> {
  const entries = extract();
  const { signal } = draft;
  const unpacked = pipeline(createReadStream(path), createGunzip(), entries, { signal });
  unpacked.catch(() => undefined);
  let [bytes, files, hasProgram] = [0, 0, false];
  for await (const entry of entries) {
    const name = nameWithin(entry.header);
    bytes += entry.header.size;
    files += 1;
    if (bytes > mostBytes || files > mostFiles) throw unusable(wanted, 'it is larger than any that is known');
    if (name === undefined) throw unusable(wanted, 'it holds more than files below one folder');
    if (entry.header.type === 'file')
      await copyEntry(draft, entry, `agents/${wanted.agent}/${name}`, name === wanted.program);
    else entry.resume();
    hasProgram ||= name === wanted.program;
  }
  await unpacked;
  if (!hasProgram) throw unusable(wanted, `it has no ${wanted.program}`);
}

async function copyEntry({ tar, signal }: Draft, entry: Source, name: string, isProgram: boolean): Promise<void> {
  const { size, mode } = entry.header;
  const header = { ...common, name, mode: isProgram || (mode & 0o111) !== 0 ? 0o755 : 0o644, size };
  // Streams of the same kind as Node's, whose types differ.
  const target = tar.entry(header) as unknown as Writable;
  for await (const chunk of entry) {
    if (!target.write(chunk)) await once(target, 'drain', { signal });
  }
  target.end();
}

/** The path below the package's one folder, which npm calls `package` and others something else. */
function nameWithin({ name, type }: Header): string | undefined {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  const isPlain = (type === 'file' || type === 'directory') && !parts.includes('..') && !name.startsWith('/');
  if (!isPlain || (type === 'file' && parts.length < 2)) return undefined;
  return parts.slice(1).join('/');
}

function unusable({ name, version }: AgentPackage, why: string): PaddockError {
  return new PaddockError('AGENT_NOT_FETCHED', `the package ${name}@${version} is not usable: ${why}`);
}
