import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { type AddressInfo, connect, createServer, type ListenOptions } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';

let folder: string;
let children: ChildProcess[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pdk-act-'));
  children = [];
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** The server as it stands in src, with that as descriptor 3. */
function serve(socket: unknown, ...options: readonly string[]): ChildProcess {
  const main = ['--import', import.meta.resolve('tsx'), resolve('src/cli/main.ts')];
  const args = [...main, 'serve', '--http', 'activation', ...options];
  const stdio = ['ignore', 'pipe', 'pipe', socket] as StdioOptions;
  const child = spawn('sh', ['-c', 'LISTEN_PID=$$ exec "$0" "$@"', process.execPath, ...args], {
    cwd: folder,
    env: { PATH: '/usr/bin:/bin', HOME: folder, XDG_RUNTIME_DIR: folder, LISTEN_FDS: '1', LISTEN_FDNAMES: 'mcp' },
    stdio,
  });
  children.push(child);
  return child;
}

/** A server whose socket this process, as a service manager, takes no connections from. */
async function activated(where: ListenOptions, ...options: readonly string[]) {
  const socket = createServer();
  await once(socket.listen(where), 'listening');
  const address = socket.address() as AddressInfo | string;
  const child = serve((socket as unknown as { readonly _handle: { readonly fd: number } })._handle.fd, ...options);
  // Node removes what it made; a service manager does not.
  if (typeof address === 'string') await rename(address, `${address}.here`);
  socket.close();
  return { child, address };
}

async function said(child: ChildProcess): Promise<[number | null, string]> {
  const all = child.stderr === null ? Promise.resolve('') : text(child.stderr);
  const [status] = (await once(child, 'exit')) as [number | null];
  return [status, await all];
}

/** The status of a request without a key. */
function ask(where: { readonly port: number } | { readonly socketPath: string }, host = 'localhost'): Promise<unknown> {
  return new Promise((answered, failed) => {
    const sent = request({ host: '127.0.0.1', ...where, path: '/mcp', method: 'POST', headers: { host } });
    sent.on('response', (answer) => answered(answer.resume().statusCode));
    sent.on('error', failed).end();
  });
}

it('serves on a port that was handed over, and ends when nobody uses it', async () => {
  const { child, address } = await activated({ host: '127.0.0.1', port: 0 }, '--idle-exit', '1s');
  const port = typeof address === 'object' ? address.port : 0;
  const ended = said(child);
  // It waits in the socket's queue until somebody takes it.
  expect(await ask({ port })).toBe(401);
  const [status, log] = await ended;
  expect([status, log]).toEqual([0, expect.stringContaining('"url":"http://127.0.0.1:')]);
  expect(log).toContain('nobody has used it for long');
});

it('serves on a socket of this host that was handed over, keeps it from its children, leaves it where it is, and ends on SIGTERM', async () => {
  const socketPath = join(folder, 's.here');
  const { child } = await activated({ path: join(folder, 's') });
  const ended = said(child);
  expect(await ask({ socketPath })).toBe(401);
  expect(await ask({ socketPath }, 'evil.example')).toBe(403);
  // FD_CLOEXEC
  const { flags } =
    /^flags:\s+(?<flags>\d+)$/m.exec(await readFile(`/proc/${child.pid}/fdinfo/3`, 'utf8'))?.groups ?? {};
  expect(Number.parseInt(flags ?? '0', 8) & 0o2000000).toBe(0o2000000);
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, expect.stringContaining('"url":"unix:activation"')]);
  expect(await readdir(folder)).toContain('s.here');
});

it('refuses what can be reached from elsewhere in the clear, before it takes a connection', async () => {
  const { child } = await activated({ host: '0.0.0.0', port: 0 });
  expect(await said(child)).toEqual([2, expect.stringMatching(/BAD_CONFIG: 0\.0\.0\.0 can be reached/)]);
});

it('refuses what can not be listened on', async () => {
  const peer = createServer();
  await once(peer.listen(join(folder, 'p')), 'listening');
  const connection = connect(join(folder, 'p'));
  await once(connection, 'connect');
  const refused = said(serve(connection));
  expect(await refused).toEqual([2, expect.stringContaining('can not listen on descriptor 3')]);
  connection.destroy();
  peer.close();
});
