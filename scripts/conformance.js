// `scripts/conformance`: the MCP conformance suite on the built server, over HTTP. The suite sends no key, so it goes through a door that adds one.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [suite, ...more] = process.argv.slice(2);
const project = join(import.meta.dirname, '..');
const main = join(project, 'dist/cli/main.js');
// Below the home, as users have it: folders that others could write to are refused.
const root = mkdtempSync(join(homedir(), '.paddock-conformance-'));
const env = {
  ...{ PATH: process.env.PATH, HOME: root, USER: process.env.USER, XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR },
  ...{ PADDOCK_STATE_DIR: join(root, 'state'), PADDOCK_RUNTIME_DIR: join(root, 'run') },
  MCP_AUDIT_LOG: join(root, 'audit.jsonl'),
};

/** Where the server listens, which it says in its first lines. */
async function listening(server) {
  for await (const line of createInterface({ input: server.stderr })) {
    const url = /https?:\/\/[\w.:[\]]+\/mcp/.exec(line)?.[0];
    if (url !== undefined) return new URL(url);
    process.stderr.write(`${line}\n`);
  }
  throw new Error('the server ended before it listened');
}

function door(target, secret) {
  const server = createServer((asked, answer) => {
    const { method, url: path, headers } = asked;
    const { hostname: host, port } = target;
    // Host and Origin go through as they are: what the server makes of false ones is a part of the suite.
    const passed = request(
      { host, port, method, path, headers: { ...headers, authorization: `Bearer ${secret}` } },
      (got) => {
        answer.writeHead(got.statusCode ?? 502, got.headers);
        got.pipe(answer);
      },
    );
    passed.on('error', () => answer.destroy());
    answer.on('close', () => passed.destroy());
    asked.pipe(passed);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

const made = spawnSync(process.execPath, [main, 'keys', 'create', 'suite', '--calls', '6000', '--json'], {
  env,
  encoding: 'utf8',
});
if (made.status !== 0) throw new Error(made.stderr || made.stdout);
// No canary: nothing of the suite needs an engine, and one that is started here would leave its storage below the root.
const server = spawn(process.execPath, [main, 'serve', '--http', '127.0.0.1:0', '--canary', 'off'], {
  env,
  stdio: ['ignore', 'ignore', 'pipe'],
});
const ended = new Promise((resolve) => server.once('close', resolve));
let status = 1;
try {
  const target = await listening(server);
  server.stderr.resume();
  const proxy = await door(target, JSON.parse(made.stdout).secret);
  const url = `http://127.0.0.1:${proxy.address().port}${target.pathname}`;
  const baseline = join(project, 'test/conformance/expected-failures.yml');
  const args = ['server', '--url', url, '--requirements', '2025-11-25', '--expected-failures', baseline, ...more];
  const child = spawn(process.execPath, [suite, ...args], { stdio: ['ignore', 'inherit', 'inherit'], cwd: root });
  status = await new Promise((resolve) => child.once('close', resolve));
  proxy.closeAllConnections();
  proxy.close();
} finally {
  server.kill('SIGTERM');
  await ended;
  rmSync(root, { recursive: true, force: true });
}
process.exitCode = status ?? 1;
