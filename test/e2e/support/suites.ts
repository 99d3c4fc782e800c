import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Git that asks nobody who we are or what time it is: so a commit has the same name wherever it is made. */
const git = `export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' GIT_CONFIG_GLOBAL=/dev/null`;

/** A project with tests, and how they are run. */
export interface Suite {
  readonly title: string;
  /** Makes the project, ready to be tested, in a folder that is there. */
  readonly prepare: (project: string) => Promise<void>;
  /** A line for `sh`. */
  readonly command: string;
  /** What of its output has to be the same wherever it runs; an empty list: the suite has said nothing. */
  readonly summary: (output: string) => readonly string[];
  /** Files that have other content with every run. */
  readonly varies?: RegExp;
}

/** What programs do with files, also where that is known to trouble overlays. */
export const filesystem: Suite = {
  title: 'what programs do with files',
  prepare: async (project) => {
    await cp(join(import.meta.dirname, 'projects', 'filesystem'), project, { recursive: true });
    const names = 'move,replace,links,mmap,locks,sqlite,modes,sizes,again,open,special,many,differs';
    await run('/usr/bin/python3', ['prepare.py', names], { cwd: project });
  },
  command: '/usr/bin/python3 -B -m unittest -v test_filesystem.Works 2>&1',
  summary: (output) => output.match(/^(?:test_\w+ .*|OK.*|FAILED.*|Ran \d+ tests)/gm) ?? [],
};

/** What is tested: somebody else's packages of three languages, what programs do with files, and git. */
export const suites: readonly Suite[] = [
  {
    title: 'tar-fs, an npm package that packs, unpacks and compares trees',
    prepare: async (project) => {
      await unpacked('tar-fs@2.1.1', '.', project);
      // Which no package can carry.
      await mkdir(join(project, 'test/fixtures/c'));
      await writeFile(join(project, 'test/fixtures/c/.gitignore'), '');
      await mkdir(join(project, 'test/fixtures/d/empty-dir'));
      await symlink('file', join(project, 'test/fixtures/e/symlink'));
      await sparedOfClock(join(project, 'test/index.js'));
      const wanted = [
        'tape@4.17.0',
        'rimraf@2.7.1',
        'tar-stream@2.2.0',
        'pump@3.0.2',
        'chownr@1.1.4',
        'mkdirp-classic@0.5.3',
      ];
      await npm(['install', '--no-audit', '--no-fund', '--ignore-scripts', '--no-save', ...wanted], project);
    },
    command: 'node node_modules/.bin/tape test/index.js',
    summary: (output) => output.match(/^(?:not ok .*|# (?:tests|pass|fail) .*)$/gm) ?? [],
  },
  {
    title: 'gyp, a Python package, by unittest',
    prepare: (project) => unpacked('node-gyp@10.2.0', 'gyp', project),
    command: '/usr/bin/python3 -m unittest discover -v -s pylib -p "*_test.py" 2>&1',
    summary: (output) => [...(output.match(/^(?:test_\w+ .*|OK.*|FAILED.*|Ran \d+ tests)/gm) ?? [])].sort(),
    // The path of the source is in it.
    varies: /\/__pycache__\//,
  },
  {
    title: 'LMDB, a C library that lives by mmap and locks, by make',
    prepare: (project) => unpacked('lmdb@2.9.4', 'dependencies/lmdb/libraries/liblmdb', project),
    command: 'make OPT=-O1 W= test 2>&1',
    // Everything else it prints is random.
    summary: (output) => output.match(/^(?:Status of Main DB|.*(?:Error|Assertion|failed).*)$/gm) ?? [],
    varies: /^testdb\//,
  },
  filesystem,
  {
    title: 'git, from the first change to the last garbage collection',
    prepare: async (project) => {
      await cp(join(import.meta.dirname, 'projects', 'filesystem'), project, { recursive: true });
      const begin = `${git}; git init -q -b main . && git add . && git commit -qm first && git gc -q && git branch old`;
      await run('sh', ['-c', begin], { cwd: project });
    },
    command: `set -e; ${git}; git status --porcelain; mkdir src; git mv prepare.py src/; echo more >>test_filesystem.py
git status --porcelain; git diff --stat; git stash -q; git status --porcelain; git stash pop -q; git commit -qam second
git checkout -q old; ls; echo other >other; git add other; git commit -qm third; git checkout -q main; git merge -q -m merged old
git rebase -q --force-rebase HEAD~1; git tag -m tagged v1; git gc -q --prune=now; git fsck --full; git log --format='%H %s' --all; git status --porcelain`,
    summary: (output) => output.split('\n').filter((line) => line !== ''),
    // Times and numbers of files are in it.
    varies: /^\.git\/index$/,
  },
];

/** Its test of links holds that two of them, made one after the other, are of the same second, which they need not be. */
async function sparedOfClock(tests: string): Promise<void> {
  const held = 't.same(mtime(fs.lstatSync(linkB)), mtime(fs.lstatSync(linkA)))';
  const [before, after, ...more] = (await readFile(tests, 'utf8')).split(held);
  if (after === undefined || more.length > 0) throw new Error(`its tests are others than they were: ${tests}`);
  await writeFile(tests, `${before}t.ok(fs.lstatSync(linkB).isSymbolicLink())${after}`);
}

function npm(args: readonly string[], cwd: string) {
  return run('npm', [...args, '--silent'], { cwd, env: { ...process.env, npm_config_update_notifier: 'false' } });
}

/** A folder of a package of the npm registry, as the project. */
async function unpacked(name: string, part: string, project: string): Promise<void> {
  const folder = `${project}.package`;
  await mkdir(folder);
  await npm(['pack', name], folder);
  await run('sh', ['-c', 'tar -xzf *.tgz'], { cwd: folder });
  await rm(project, { recursive: true });
  await rename(join(folder, 'package', part), project);
  await rm(folder, { recursive: true });
}
