// `npm run build`: src → dist/, and paddock-init → dist/init/paddock-init-PROCESSOR. Nothing stale stays but what
// scripts/release made for another processor and makes anew, and a failed compile leaves the last good output where it was.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildInit } from './build-init.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const draft = join(dist, '.new');
const init = join(dist, 'init');

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
  for (const name of existsSync(init) ? readdirSync(init) : []) {
    if (!/^paddock-init-(x64|arm64)(\.json)?$/.test(name)) rmSync(join(init, name), { recursive: true });
  }
  for (const name of readdirSync(draft)) renameSync(join(draft, name), join(dist, name));
  rmSync(draft, { recursive: true });
  const main = join(dist, 'cli/main.js');
  if (existsSync(main)) chmodSync(main, 0o755);
}

try {
  compileTypeScript();
  replaceOutput();
  process.stdout.write(`build: dist/ written, paddock-init ${buildInit(join(init, `paddock-init-${process.arch}`))}\n`);
} catch (error) {
  process.stderr.write(`build: ${error.message}\n`);
  process.exitCode = 1;
}
