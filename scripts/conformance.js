// `scripts/conformance`: the MCP conformance suite on the built server, over HTTP. The suite sends no key, so it goes through a door that adds one.
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { makeKey, serverHome, startServer } from './lab/built-server.js';
import { wholeRun } from './lab/whole-run.js';

const [suite, ...more] = process.argv.slice(2);
const project = join(import.meta.dirname, '..');
/** Well above what it takes on a busy machine. */
const limitMs = 300_000;

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

await wholeRun(limitMs, async (run) => {
  const home = serverHome(run, 'conformance');
  const secret = makeKey(home, 'suite', '--calls', '6000');
  const server = await startServer(home, '127.0.0.1:0');
  const target = new URL(server.url);
  const proxy = await door(target, secret);
  const url = `http://127.0.0.1:${proxy.address().port}${target.pathname}`;
  const baseline = join(project, 'test/conformance/expected-failures.yml');
  const args = ['server', '--url', url, '--requirements', '2025-11-25', '--expected-failures', baseline, ...more];
  const stdio = ['ignore', 'inherit', 'inherit'];
  const child = run.spawn(process.execPath, [suite, ...args], { stdio, cwd: home.root });
  return await new Promise((resolve) => child.once('close', (status) => resolve(status ?? 1)));
});
