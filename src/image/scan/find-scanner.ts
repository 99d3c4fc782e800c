import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PaddockError } from '../../core/errors.js';
import { hostPath } from '../../kit/host-path.js';
import { type Scanner, type ScannerName, scanners } from './scanners.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface FoundScanner {
  readonly scanner: Scanner;
  /** Absolute. */
  readonly program: string;
}

/** Where Docker looks for plugins besides the folder of the user's own (docs.docker.com, "Docker CLI plugins"). */
const pluginFolders = [
  '/usr/local/lib/docker/cli-plugins',
  '/usr/local/libexec/docker/cli-plugins',
  '/usr/lib/docker/cli-plugins',
  '/usr/libexec/docker/cli-plugins',
];

/** The scanners that are installed, in the order in which they are taken. Nothing of them is run. Docker's plugins are the user's, or lie in `plugins`. */
export async function installedScanners(
  env: Environment,
  plugins: readonly string[] = pluginFolders,
): Promise<readonly FoundScanner[]> {
  const folders = (await hostPath(env))?.split(':') ?? [];
  const looked = await Promise.all(
    scanners.map(async (scanner) => {
      const program = await firstProgram(folders.map((folder) => join(folder, scanner.program)));
      if (program === undefined || !(await hasPlugin(scanner, env, plugins))) return [];
      return [{ scanner, program }];
    }),
  );
  return looked.flat();
}

/** The scanner of that name, or the first there is. Errors: SCANNER_MISSING. */
export async function findScanner(env: Environment, name?: ScannerName): Promise<FoundScanner> {
  const found = await installedScanners(env);
  const chosen = name === undefined ? found[0] : found.find(({ scanner }) => scanner.name === name);
  if (chosen !== undefined) return chosen;
  const wanted = scanners.filter((one) => name === undefined || one.name === name);
  throw new PaddockError(
    'SCANNER_MISSING',
    `no scanner of images is installed: ${wanted.map((one) => one.name).join(', ')}`,
    {
      hint: `Install one, where your own PATH and no project's finds it: ${wanted.map((one) => `${one.name} (${one.home})`).join(', ')}.`,
    },
  );
}

async function hasPlugin({ dockerPlugin }: Scanner, env: Environment, plugins: readonly string[]): Promise<boolean> {
  if (dockerPlugin === undefined) return true;
  const own = env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? '/nonexistent', '.docker');
  const places = [join(own, 'cli-plugins'), ...plugins];
  return (await firstProgram(places.map((folder) => join(folder, dockerPlugin)))) !== undefined;
}

async function firstProgram(paths: readonly string[]): Promise<string | undefined> {
  const checked = await Promise.all(paths.map(async (path) => ((await isProgram(path)) ? path : undefined)));
  return checked.find((path) => path !== undefined);
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
