// `npm run build`: src → dist/cli/, from its commands dist/man/, and paddock-init → dist/init/paddock-init-PROCESSOR. Nothing stale stays but what
// scripts/release made for another processor and makes anew, and a failed build leaves the last good output where it was.
//
// The commands are bundled with what they use, because `paddock ps` spent two thirds of its time on finding and loading five
// hundred small files. Types are not looked at here: `npm run check` does that.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildInit } from './build-init.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const draft = join(dist, '.new');
const init = join(dist, 'init');

/**
 * undici's own entry loads fetch, WebSocket, caches and mocks as well, which takes longer than all of our own code. This is the part
 * of it that makes clients and pools, and gives them `request`; a name that is not here fails the build.
 */
const undiciInParts = {
  name: 'undici in parts',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^undici$/ }, () => ({ path: 'undici', namespace: 'parts' }));
    onLoad({ filter: /.*/, namespace: 'parts' }, () => ({
      resolveDir: root,
      contents: `
        import api from 'undici/lib/api/index.js';
        import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
        Object.assign(Dispatcher.prototype, api);
        export { default as Client } from 'undici/lib/dispatcher/client.js';
        export { default as Pool } from 'undici/lib/dispatcher/pool.js';`,
    }));
  },
};

/** zod brings its messages in fifty languages, a third of what nearly every command has to load; ours are English. */
const zodInEnglish = {
  name: 'zod in English',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\/locales\/index\.js$/ }, ({ resolveDir }) =>
      /\/node_modules\/zod\/v4\/\w+$/.test(resolveDir)
        ? { path: 'locales', namespace: 'english', pluginData: resolveDir }
        : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'english' }, ({ pluginData }) => ({
      resolveDir: pluginData,
      contents: "export { default as en } from '../locales/en.js';",
    }));
  },
};

/** Its own entry loads the clients of eight databases as well. */
const limiterInMemory = {
  name: 'rate limiter in memory',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^rate-limiter-flexible$/ }, () => ({ path: 'rate-limiter-flexible', namespace: 'memory' }));
    onLoad({ filter: /.*/, namespace: 'memory' }, () => ({
      resolveDir: root,
      contents: `
        export { default as RateLimiterMemory } from './node_modules/rate-limiter-flexible/lib/RateLimiterMemory.js';
        export { default as RateLimiterRes } from './node_modules/rate-limiter-flexible/lib/RateLimiterRes.js';`,
    }));
  },
};

async function bundle() {
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  try {
    const { metafile } = await build({
      ...{ absWorkingDir: root, entryPoints: ['src/cli/main.ts'], outdir: join(draft, 'cli'), metafile: true },
      ...{ bundle: true, splitting: true, format: 'esm', platform: 'node', target: 'node20.19', logLevel: 'warning' },
      plugins: [undiciInParts, zodInEnglish, limiterInMemory],
      // Less to read at each start; names stay, for whoever sends in a stack.
      ...{ minifyWhitespace: true, minifySyntax: true, lineLimit: 200 },
      // Errors are named after their classes, which share one scope here.
      keepNames: true,
      // Packages written as CommonJS ask for Node's own modules by it.
      banner: {
        js: "import { createRequire as requireFrom } from 'node:module';\nconst require = requireFrom(import.meta.url);",
      },
    });
    execFileSync(process.execPath, [join(draft, 'cli/main.js'), 'man-pages', join(draft, 'man')]);
    writeFileSync(join(draft, 'third-party.txt'), licences(Object.keys(metafile.inputs)));
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  }
}

/** Those of the packages that are in the bundle, as they ask for. */
function licences(inputs) {
  const folders = inputs.map((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]);
  const texts = [...new Set(folders.filter(Boolean))].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const file = readdirSync(join(root, folder)).find((one) => /^licen[cs]e/i.test(one));
    const text = file === undefined ? '' : readFileSync(join(root, folder, file), 'utf8').trim();
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
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
  chmodSync(join(dist, 'cli/main.js'), 0o755);
}

try {
  await bundle();
  replaceOutput();
  process.stdout.write(`build: dist/ written, paddock-init ${buildInit(join(init, `paddock-init-${process.arch}`))}\n`);
} catch (error) {
  process.stderr.write(`build: ${error.message}\n`);
  process.exitCode = 1;
}
