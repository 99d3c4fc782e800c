import { execFile } from 'node:child_process';
import { access, chmod, mkdir, mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import type { AgentId } from '../../../../src/agents/types.js';
import { type AgentPackage, agentPackage } from '../../../../src/image/agent-packages.js';
import { fetchPackage } from '../../../../src/image/fetch-package.js';
import { takePackage } from '../../../../src/image/take-package.js';

const run = promisify(execFile);
/** Kept between runs where node_modules is. */
const shelf = join(import.meta.dirname, '..', '..', '..', '..', 'node_modules', '.cache', 'paddock-agents');

/**
 * The words that run an agent's real program, at the pinned version: fetched by npm from the registry that it is set to
 * (60 to 175 MB) unless an earlier run did. Throws when the package is not the pinned one, byte for byte.
 */
export async function installAgent(id: AgentId): Promise<readonly string[]> {
  const pinned = agentPackage(id, process.arch);
  if (pinned === undefined) throw new Error(`no package of ${id} is pinned for ${process.arch}`);
  const { version, program } = pinned;
  const folder = join(shelf, `${id}-${version}`);
  const path = join(folder, 'package', program);
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (!isThere) await fetchInto(folder, pinned);
  return program.endsWith('.js') ? [process.execPath, path] : [path];
}

/** A folder that holds such a program and all its parts, with `bin/NAME` in it, as npm and people install agents: to be shown to sandboxes. */
export async function agentFolder(id: AgentId): Promise<string> {
  const path = (await installAgent(id)).at(-1) ?? '';
  const folder = join(shelf, relative(shelf, path).split(sep, 1)[0] ?? '');
  await mkdir(join(folder, 'bin'), { recursive: true });
  // npm does this where a package says which of its files are programs.
  await chmod(path, 0o755);
  await symlink(relative(join(folder, 'bin'), path), join(folder, 'bin', id)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  });
  return folder;
}

async function fetchInto(folder: string, pinned: AgentPackage): Promise<void> {
  await mkdir(shelf, { recursive: true });
  // Beside it, then moved: a run that was cut off leaves no half of it behind that looks whole.
  const scratch = await mkdtemp(join(shelf, 'new-'));
  try {
    const { signal } = new AbortController();
    const path = await fetchPackage(pinned, { folder: scratch, env: process.env, signal });
    const { path: file } = await takePackage({ package: pinned, path }, scratch, signal);
    const whole = join(scratch, 'whole');
    await mkdir(whole);
    await run('tar', ['-xzf', file, '-C', whole, '--no-same-owner']);
    await rename(whole, folder).catch((error: unknown) => {
      // Another run was faster.
      if (!['EEXIST', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
