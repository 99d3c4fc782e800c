import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../src/session/session.js';
import { engineKinds } from './support/engines.js';
import { run, Stage, said } from './support/stage.js';

const files: Readonly<Record<string, string>> = {
  'work.mjs': `
    import { once } from 'node:events';
    import { execFileSync } from 'node:child_process';
    import { createHash, randomBytes } from 'node:crypto';
    import { watch, writeFileSync } from 'node:fs';
    import { createServer, get } from 'node:http';
    import { networkInterfaces } from 'node:os';
    import { Worker } from 'node:worker_threads';
    const workers = Array.from({ length: 4 }, () => new Worker('setTimeout(() => process.exit(3), 50)', { eval: true }));
    const codes = await Promise.all(workers.map(async (worker) => (await once(worker, 'exit'))[0]));
    const server = createServer((_, answer) => answer.end('over the loopback')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const [answer] = await once(get({ port: server.address().port, host: '127.0.0.1' }), 'response');
    let body = '';
    for await (const chunk of answer) body += chunk;
    server.close();
    const seen = new Promise((found) => { const w = watch('/tmp', (_, name) => { w.close(); found(name); }); });
    setTimeout(() => writeFileSync('/tmp/watched', ''), 50);
    createHash('sha256').update(randomBytes(1024)).digest();
    console.log(codes.join(), body, await seen, execFileSync('uname').toString().trim(), Object.keys(networkInterfaces()).join());`,
  'work.py': `
import concurrent.futures, multiprocessing, socket, sqlite3, subprocess, threading
count = []
threads = [threading.Thread(target=lambda: count.append(1)) for _ in range(50)]
[t.start() for t in threads]; [t.join() for t in threads]
base = sqlite3.connect('/tmp/work.db')
base.execute('pragma journal_mode=wal')
base.execute('create table t (n integer)')
with base: base.executemany('insert into t values (?)', [(n,) for n in range(1000)])
one, other = socket.socketpair()
one.sendall(b'pair')
with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context('fork')) as pool:
    squares = list(pool.map(int.bit_length, range(4)))
print(len(count), base.execute('select sum(n) from t').fetchone()[0], other.recv(4).decode(), squares,
      subprocess.run(['echo', 'child'], capture_output=True, text=True).stdout.strip(), socket.gethostname())
`,
  'threads.c': `
#include <pthread.h>
#include <stdio.h>
static pthread_barrier_t all;
static int count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *work(void *nothing) {
  pthread_barrier_wait(&all);
  pthread_mutex_lock(&lock);
  count++;
  pthread_mutex_unlock(&lock);
  return nothing;
}
int main(void) {
  pthread_t threads[200];
  pthread_barrier_init(&all, NULL, 200);
  for (int i = 0; i < 200; i++) if (pthread_create(&threads[i], NULL, work, NULL) != 0) return 1;
  for (int i = 0; i < 200; i++) pthread_join(threads[i], NULL);
  printf("%d\\n", count);
  return 0;
}`,
  Makefile: 'all: threads\nthreads: threads.o\n\tcc -pthread -o $@ $<\nthreads.o: threads.c\n\tcc -O2 -c -o $@ $<\n',
  'leak.c': '#include <stdlib.h>\nvoid *volatile kept;\nint main(void) { kept = malloc(64); kept = 0; return 0; }\n',
  'dependency/package.json': '{"name": "dependency", "version": "1.0.0", "main": "index.js"}',
  'dependency/index.js': 'module.exports = 42;',
  'app/package.json':
    '{"name": "app", "version": "1.0.0", "scripts": {"postinstall": "node -p 6*7"}, "dependencies": {"dependency": "file:../dependency-1.0.0.tgz"}}',
  'suite/sum.test.ts':
    "import { expect, it } from 'vitest';\nit('adds', () => expect((1 as number) + 1).toBe(2));\nit('waits', async () => { await new Promise((r) => setTimeout(r, 5)); });\n",
  'suite/package.json': '{"type": "module"}',
  'suite/vitest.config.js': 'export default { cacheDir: "/tmp/vite" };',
};

/** Python of the system: the only one that every sandbox with the host image sees. */
const python = '/usr/bin/python3';

describe.each(engineKinds)('real work under the default filter, on a real rootless %s', (kind) => {
  let stage: Stage;
  let session: Session;

  beforeAll(async () => {
    stage = await Stage.open(kind, { policy: { seccomp: ['debug'], allowedRoots: [homedir(), resolve('.')] } });
    const project = await stage.project();
    for (const [name, text] of Object.entries(files)) {
      const path = join(project, name);
      await mkdir(resolve(path, '..'), { recursive: true });
      await writeFile(path, text);
    }
    await symlink('/tool/node_modules', join(project, 'suite/node_modules'));
    const mcpMounts = [{ source: resolve('node_modules'), target: '/tool/node_modules' }];
    session = await stage.create({ projectPath: project, workspace: 'rw', memory: '2g', mcpMounts });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('node: worker threads, http on the loopback, a file watcher, child processes', async () => {
    expect(await said(session, 'node work.mjs')).toBe('3,3,3,3 over the loopback watched Linux lo');
  });

  it('npm: packs a folder and installs it, with a script, without a network', async () => {
    const line = 'npm pack --silent ./dependency && cd app && npm install --offline --silent --no-audit --no-fund';
    expect(
      (await run(session, `export npm_config_cache=/tmp/npm npm_config_update_notifier=false; ${line}`)).exitCode,
    ).toBe(0);
    expect(await said(session, 'cd app && node -p "require(\'dependency\')"')).toBe('42');
  });

  it('vitest: compiles and runs TypeScript in workers', async () => {
    const vitest = 'node node_modules/vitest/vitest.mjs run --configLoader=runner';
    const result = await run(session, `cd suite && ${vitest}`);
    expect(`${result.stdout.text}${result.stderr.text}`).toMatch(/2 passed/);
    expect(result.exitCode).toBe(0);
  });

  it('python: threads, processes, sqlite with a write-ahead log, sockets', async () => {
    const words = '50 499500 pair [0, 1, 2, 2] child sandbox';
    expect(await said(session, `${python} work.py`)).toBe(words);
  });

  it('python: makes a virtual environment and runs in it', async () => {
    const line = `${python} -m venv --without-pip /tmp/venv && /tmp/venv/bin/python -c 'import sys; print(sys.prefix)'`;
    expect(await said(session, line)).toBe('/tmp/venv');
  });

  it('make and the C compiler: a program with two hundred threads, which runs', async () => {
    expect((await run(session, 'make')).exitCode).toBe(0);
    expect(await said(session, './threads')).toBe('200');
  });

  it('git: a repository, commits, a clone, a branch that is merged', async () => {
    const lines = [
      'export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b',
      'git init -q -b main /tmp/one && cd /tmp/one && echo 1 >a && git add a && git commit -qm one',
      'git clone -q /tmp/one /tmp/two && cd /tmp/two && git switch -qc side && echo 2 >b && git add b && git commit -qm two',
      'git switch -q main && echo 3 >a && git commit -qam three && git merge -q -m four side && git gc -q',
      'git fsck --strict 2>&1 && git log --oneline | wc -l',
    ];
    expect(await said(session, lines.join(' && '))).toMatch(/4$/);
  });

  it('archives and pipes: tar, gzip, sort, xargs, find', async () => {
    const line =
      'tar -cz -C /workspace dependency | tar -tz | sort | xargs -n1 basename | paste -sd,; mkfifo /tmp/p; test -p /tmp/p';
    expect(await said(session, line)).toBe('dependency,index.js,package.json');
  });

  it('LeakSanitizer needs ptrace: it says so under the default, and finds the leak under debug', async () => {
    const build = 'gcc -g -fsanitize=leak -o leak leak.c';
    expect((await run(session, build)).exitCode).toBe(0);
    expect((await run(session, './leak')).stderr.text).toMatch(/LeakSanitizer has encountered a fatal error/);
    const projectPath = session.record.spec.mounts.find(({ purpose }) => purpose === 'workspace')?.hostPath ?? '';
    await stage.sessions.destroy(session.id);
    const debug = await stage.create({ projectPath, seccomp: 'debug' });
    expect((await run(debug, './leak')).stderr.text).toMatch(/64 byte\(s\) leaked in 1 allocation/);
  });
});
