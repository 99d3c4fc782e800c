import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { agentPackages } from '../../../../src/agents/packages.js';
import type { AgentId } from '../../../../src/agents/types.js';

const run = promisify(execFile);
/** Kept between runs where node_modules is. */
const shelf = join(import.meta.dirname, '..', '..', '..', '..', 'node_modules', '.cache', 'paddock-agents');

/**
 * The words that run an agent's real program, at the pinned version: fetched by npm from the registry that it is set to
 * (60 to 175 MB) unless an earlier run did. Throws when the package is not the pinned one, byte for byte.
 */
export async function installAgent(id: AgentId): Promise<readonly string[]> {
  const { name, version, program, isScript } = agentPackages[id];
  const folder = join(shelf, `${id}-${version}`);
  const path = join(folder, 'package', program);
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (!isThere) await fetchInto(folder, `${name}@${version}`, agentPackages[id].integrity);
  return isScript ? [process.execPath, path] : [path];
}

async function fetchInto(folder: string, spec: string, integrity: string): Promise<void> {
  await mkdir(shelf, { recursive: true });
  // Beside it, then moved: a run that was cut off leaves no half of it behind that looks whole.
  const scratch = await mkdtemp(join(shelf, 'new-'));
  try {
    await run('npm', ['pack', spec, '--silent', '--ignore-scripts', '--pack-destination', scratch], { cwd: scratch });
    const file = join(scratch, (await readdir(scratch)).find((name) => name.endsWith('.tgz'))!);
    const hash = createHash('sha512');
    await pipeline(createReadStream(file), hash);
    const found = `sha512-${hash.digest('base64')}`;
    if (found !== integrity) throw new Error(`${spec} is not the package that was pinned: ${found}`);
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
