// `npm run build`: src → dist/, and paddock-init → dist/init/. Nothing stale stays, and a failed compile leaves the
// last good output where it was.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildInit } from './build-init.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const draft = join(dist, '.new');

function compileTypeScript() {
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const run = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.json'), '--outDir', draft], {
    stdio: 'inherit',
  });
  if (run.status !== 0) {
    rmSync(draft, { recursive: true, force: true });
    throw new Error('the TypeScript compiler failed (above)');
  }
}

function replaceOutput() {
  for (const name of readdirSync(dist)) {
    if (name !== '.new' && name !== 'init') rmSync(join(dist, name), { recursive: true });
  }
  for (const name of readdirSync(draft)) renameSync(join(draft, name), join(dist, name));
  rmSync(draft, { recursive: true });
  const main = join(dist, 'cli/main.js');
  if (existsSync(main)) chmodSync(main, 0o755);
}

try {
  compileTypeScript();
  replaceOutput();
  process.stdout.write(`build: dist/ written, paddock-init ${buildInit(join(dist, 'init/paddock-init'))}\n`);
} catch (error) {
  process.stderr.write(`build: ${error.message}\n`);
  process.exitCode = 1;
}
