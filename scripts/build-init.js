// Compiles src/init/*.c into a static program: `node scripts/build-init.js [--arch x64|arm64] [OUT]`, or buildInit() from
// scripts/build.js. A stamp beside the program says what it was made from, so that it is not made twice, and so that a
// program shipped without a compiler at hand can be told from a stale one. Same source, same compiler: same bytes.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const sourceFolder = join(root, 'src/init');
const sources = readdirSync(sourceFolder)
  .filter((name) => /\.[ch]$/.test(name))
  .sort();

const warnings = [
  'all extra pedantic conversion sign-conversion shadow format=2 undef strict-prototypes missing-prototypes',
  'old-style-definition cast-qual cast-align pointer-arith write-strings switch-enum vla date-time null-dereference',
  'duplicated-cond logical-op error',
]
  .join(' ')
  .split(' ')
  .map((name) => `-W${name}`);

// Control-flow protection is named differently on each architecture, and unknown to the others.
const branchProtection = { x64: ['-fcf-protection'], arm64: ['-mbranch-protection=standard'] };

function flags(version, arch) {
  return [
    ...['-std=c11', '-ffunction-sections', '-fdata-sections', `-ffile-prefix-map=${root}=.`],
    // Small: it waits for the kernel nearly all the time, and nobody unwinds it.
    ...['-Os', '-fno-asynchronous-unwind-tables'],
    ...warnings,
    ...['-D_FORTIFY_SOURCE=2', '-fstack-protector-strong', ...(branchProtection[arch] ?? [])],
    `-DPADDOCK_VERSION="${version}"`,
    // Plain -static: musl-gcc takes -static-pie and then makes a program that asks for a dynamic linker.
    ...['-static', '-s', '-Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code,--gc-sections,--build-id=none'],
  ];
}

function findOnPath(name, env) {
  for (const folder of (env.PATH ?? '').split(delimiter).filter(Boolean)) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

// musl first: 62 kB against glibc's 700 kB, and it needs no static glibc installed. Distributions have cross compilers
// with glibc.
const native = ['musl-gcc', 'gcc'];
const cross = {
  x64: ['x86_64-linux-musl-gcc', 'x86_64-linux-gnu-gcc'],
  arm64: ['aarch64-linux-musl-gcc', 'aarch64-linux-gnu-gcc'],
};

const machines = { x64: 62, arm64: 183 };

function findCompiler(env, arch) {
  for (const name of arch === process.arch ? native : cross[arch]) {
    const path = findOnPath(name, env);
    if (path !== undefined) {
      const version = spawnSync(path, ['--version'], { encoding: 'utf8', env }).stdout?.split('\n')[0] ?? '';
      return { path, identity: `${name}: ${version}` };
    }
  }
  return undefined;
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** The stamp of a program that is what its stamp says, or undefined. */
function readStamp(out) {
  try {
    const stamp = JSON.parse(readFileSync(`${out}.json`, 'utf8'));
    return stamp.program === sha256(readFileSync(out)) ? stamp : undefined;
  } catch {
    return undefined;
  }
}

/** A program that names an interpreter would need a libc inside the sandbox, which is an empty root. */
function assertStatic(path, arch) {
  const elf = readFileSync(path);
  const PT_INTERP = 3;
  // e_machine: what a compiler is called does not say what it makes.
  if (arch in machines && elf.readUInt16LE(18) !== machines[arch]) throw new Error(`${path} is no program for ${arch}`);
  const start = Number(elf.readBigUInt64LE(32));
  const size = elf.readUInt16LE(54);
  for (let i = 0; i < elf.readUInt16LE(56); i += 1) {
    if (elf.readUInt32LE(start + i * size) === PT_INTERP) throw new Error(`${path} is not a static program`);
  }
}

function compile(compiler, args, { out, env, arch }) {
  mkdirSync(dirname(out), { recursive: true });
  const draft = `${out}.${process.pid}.new`;
  const files = sources.filter((name) => name.endsWith('.c')).map((name) => join('src/init', name));
  const run = spawnSync(compiler.path, [...args, '-o', draft, ...files], {
    cwd: root,
    encoding: 'utf8',
    env: { ...env, SOURCE_DATE_EPOCH: '0', LC_ALL: 'C' },
  });
  if (run.status !== 0) {
    rmSync(draft, { force: true });
    throw new Error(`${compiler.path} failed:\n${run.stderr ?? run.error}\n${whatToInstall(arch)}`);
  }
  try {
    assertStatic(draft, arch);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  chmodSync(draft, 0o755);
  renameSync(draft, out);
}

const packages = {
  x64: 'gcc-x86-64-linux-gnu libc6-dev-amd64-cross',
  arm64: 'gcc-aarch64-linux-gnu libc6-dev-arm64-cross',
};

function whatToInstall(arch) {
  if (arch !== process.arch) {
    return (
      `paddock-init for ${arch} needs a cross compiler and a static C library of that processor:\n` +
      `  Debian, Ubuntu: apt-get install ${packages[arch]}\n` +
      `  elsewhere:      ${cross[arch][0]} in PATH`
    );
  }
  return (
    'paddock-init needs a C compiler and a static C library:\n' +
    '  Debian, Ubuntu: apt-get install musl-tools\n' +
    '  Fedora:         dnf install musl-gcc musl-libc-static (or gcc glibc-static)'
  );
}

/**
 * Makes `out` and `out`.json; returns 'made', 'unchanged', or 'kept' (no compiler, and the one there is made from these
 * sources). Throws with what to install when there is none and none can be made.
 */
export function buildInit(out, env = process.env, arch = process.arch) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const args = flags(version, arch);
  // The checkout's own path is in the flags and must not make a copy of the project look changed.
  const digests = sources.map((name) => [name, sha256(readFileSync(join(sourceFolder, name)))]);
  const made = sha256(JSON.stringify([digests, args.map((flag) => flag.replace(root, ''))]));
  const compiler = findCompiler(env, arch);
  const stamp = readStamp(out);
  if (stamp?.sources === made && (compiler === undefined || stamp.compiler === compiler.identity)) {
    return compiler === undefined ? 'kept' : 'unchanged';
  }
  if (compiler === undefined) {
    throw new Error(
      `no compiler found${stamp ? ', and the program there is not made from these sources' : ''}.\n${whatToInstall(arch)}`,
    );
  }
  compile(compiler, args, { out, env, arch });
  const facts = { sources: made, compiler: compiler.identity, arch, program: sha256(readFileSync(out)) };
  writeFileSync(`${out}.json`, `${JSON.stringify(facts, null, 2)}\n`);
  return 'made';
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const options = { arch: { type: 'string', default: process.arch } };
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    if (values.arch !== process.arch && !(values.arch in cross))
      throw new Error(`there is no build for ${values.arch}: x64 and arm64 only`);
    const out = resolve(positionals[0] ?? join(root, 'dist/init', `paddock-init-${values.arch}`));
    process.stdout.write(`paddock-init: ${buildInit(out, process.env, values.arch)}\n`);
  } catch (error) {
    process.stderr.write(`paddock-init: ${error.message}\n`);
    process.exitCode = 1;
  }
}
