import { lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { EngineError } from '../../core/errors.js';
import { isAlive, type ProcessIdentity, readProcessIdentity } from '../../kit/process-identity.js';
import { isPodman, signalProcess } from './processes.js';

const prefix = 'engine-';
const markFile = 'owner.json';
/** A folder without a mark is either being made right now or was left by a crash in that moment. */
const unmarkedGraceMs = 60_000;

const mark = z.object({
  pid: z.number().int().positive(),
  startTimeTicks: z.number().int().nonnegative(),
  bootId: z.string(),
  pidNamespace: z.string().optional(),
});
const marks = z.object({ starter: mark, service: mark.optional() });

/** The folder of one service: `podman.sock`, the configuration of its own, and whose it is. */
export interface ServiceFolder {
  readonly path: string;
  readonly socketPath: string;
  readonly configPath: string;
}

/**
 * Makes `<runtime>/paddock/engine-XXXXXX` (0700) and marks it with this process. NO_ENGINE when the runtime folder is
 * missing or not this user's alone.
 */
export async function makeServiceFolder(runtime: string, uid: number): Promise<ServiceFolder> {
  const parent = await ownFolder(runtime, uid);
  const path = await mkdtemp(join(parent, prefix));
  const folder = { path, socketPath: join(path, 'podman.sock'), configPath: join(path, 'containers.conf') };
  const starter = await readProcessIdentity();
  if (!starter) throw new EngineError('NO_ENGINE', "this process can't be seen in /proc");
  await writeFile(join(path, markFile), JSON.stringify({ starter }), { mode: 0o600 });
  // An exec leaves its conmon for this many seconds (default 300), even after its container is removed. Podman from 4.4
  // reads this file over the user's own configuration, earlier ones do not know the variable.
  await writeFile(folder.configPath, '[engine]\nexit_command_delay = 10\n', { mode: 0o600 });
  return folder;
}

/** Adds the service to the mark, so that whoever sweeps can end it too. */
export async function markService(folder: ServiceFolder, service: ProcessIdentity): Promise<void> {
  const path = join(folder.path, markFile);
  const known = marks.parse(JSON.parse(await readFile(path, 'utf8')));
  await writeFile(path, JSON.stringify({ ...known, service }), { mode: 0o600 });
}

/**
 * Removes the folders of services whose starter is gone, ending a service that has not yet ended by itself. Returns the
 * paths. Folders of living starters, and what has no mark of ours, stay. A dry run removes and ends nothing.
 */
export async function sweepServiceFolders(runtime: string, isDryRun = false): Promise<readonly string[]> {
  const parent = join(runtime, 'paddock');
  const names = await readdir(parent).catch(() => []);
  const swept: string[] = [];
  for (const name of names.filter((one) => one.startsWith(prefix))) {
    const path = join(parent, name);
    if (!(await isLeftOver(path, isDryRun))) continue;
    if (!isDryRun) await rm(path, { recursive: true, force: true });
    swept.push(path);
  }
  return swept;
}

async function isLeftOver(path: string, isDryRun: boolean): Promise<boolean> {
  const status = await lstat(path).catch(() => undefined);
  if (!status?.isDirectory() || status.uid !== process.getuid?.()) return false;
  const known = await readMarks(path);
  if (!known) return Date.now() - status.mtimeMs > unmarkedGraceMs;
  if (await isAlive(known.starter)) return false;
  const { service } = known;
  const isRunning = !isDryRun && service && (await isAlive(service)) && (await isPodman(service.pid));
  if (isRunning) signalProcess(service.pid, 'SIGTERM');
  return true;
}

async function readMarks(path: string): Promise<z.infer<typeof marks> | undefined> {
  try {
    return marks.parse(JSON.parse(await readFile(join(path, markFile), 'utf8')));
  } catch {
    return undefined;
  }
}

async function ownFolder(runtime: string, uid: number): Promise<string> {
  const parent = join(runtime, 'paddock');
  try {
    await mkdir(parent, { mode: 0o700 });
  } catch (cause) {
    const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    if (!isThere) throw new EngineError('NO_ENGINE', `${parent} can't be made: is there a login session?`, { cause });
  }
  const status = await lstat(parent);
  // Another user who can write here could put a socket of theirs in our place.
  if (!status.isDirectory() || status.uid !== uid || (status.mode & 0o077) !== 0) {
    throw new EngineError('NO_ENGINE', `${parent} is not a folder of this user alone (mode 0700)`);
  }
  return parent;
}
