// `scripts/conformance`: the MCP conformance suite on the built server, over HTTP. The suite sends no key, so it goes through a door that adds one.
import { spawn } from 'node:child_process';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { makeKey, serverHome, startServer } from './lab/built-server.js';

const [suite, ...more] = process.argv.slice(2);
const project = join(import.meta.dirname, '..');
const home = serverHome('conformance');

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

let status = 1;
let server;
try {
  const secret = makeKey(home, 'suite', '--calls', '6000');
  server = await startServer(home, '127.0.0.1:0');
  const target = new URL(server.url);
  const proxy = await door(target, secret);
  const url = `http://127.0.0.1:${proxy.address().port}${target.pathname}`;
  const baseline = join(project, 'test/conformance/expected-failures.yml');
  const args = ['server', '--url', url, '--requirements', '2025-11-25', '--expected-failures', baseline, ...more];
  const child = spawn(process.execPath, [suite, ...args], { stdio: ['ignore', 'inherit', 'inherit'], cwd: home.root });
  status = await new Promise((resolve) => child.once('close', resolve));
  proxy.closeAllConnections();
  proxy.close();
} finally {
  await server?.end();
  home[Symbol.dispose]();
}
process.exitCode = status ?? 1;
