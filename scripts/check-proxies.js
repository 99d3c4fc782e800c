// `scripts/check-proxies`: nginx and HAProxy with the settings of docs/operations.md in front of the built server, and of one that streams.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { makeKey, serverHome, startServer } from './lab/built-server.js';
import { name, proxies, startProxy } from './lab/proxies.js';
import { selfSigned } from './lab/self-signed.js';
import { wholeRun } from './lab/whole-run.js';

const waitMs = 15_000;
const mib = 1024 ** 2;
const message = (method, params = {}) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
const initialize = message('initialize', {
  ...{ protocolVersion: '2025-06-18', capabilities: {} },
  clientInfo: { name: 'check-proxies', version: '0' },
});

/** Requests through the proxy at that socket. */
class Through {
  #path;
  #ca;
  #secret;

  constructor(path, ca, secret) {
    [this.#path, this.#ca, this.#secret] = [path, ca, secret];
  }

  /** The answer, as soon as its headers are there; what it says is still to be read. */
  async open({ body, headers = {}, method = 'POST', path = '/mcp', isCut = false }) {
    const usual = {
      host: name,
      authorization: `Bearer ${this.#secret}`,
      accept: 'application/json, text/event-stream',
    };
    const sent = request({
      ...{ socketPath: this.#path, servername: name, ca: this.#ca, agent: false, method, path },
      headers: { ...usual, 'content-type': 'application/json', ...headers },
    });
    // Whoever is refused in the middle of a body may be hung up on behind the answer.
    sent.on('error', () => undefined);
    if (isCut) sent.flushHeaders();
    else sent.end(body);
    const [answer] = await once(sent, 'response', { signal: AbortSignal.timeout(waitMs) });
    return { status: answer.statusCode, headers: answer.headers, answer, hangUp: () => sent.destroy() };
  }

  async ask(options) {
    const opened = await this.open(options);
    if (options.isCut) {
      opened.hangUp();
      return opened;
    }
    return { ...opened, text: await text(opened.answer) };
  }
}

async function refused(through, secret) {
  const statusOf = async (options) => (await through.ask({ body: initialize, ...options })).status;
  assert.equal(await statusOf({ headers: { authorization: '' } }), 401, 'without a key');
  assert.equal(await statusOf({ headers: { authorization: `${secret}x` } }), 401, 'with a wrong key');
  assert.equal(await statusOf({ headers: { host: 'evil.example.net' } }), 403, 'under a foreign name');
  assert.equal(await statusOf({ headers: { origin: 'https://evil.example.net' } }), 403, 'from a foreign page');
  assert.equal(await statusOf({ path: '/mcp?key=x' }), 400, 'with a query');
  assert.equal(
    await statusOf({ headers: { 'content-length': String(25 * mib) }, isCut: true }),
    413,
    'a body of 25 MiB',
  );
}

async function served(through) {
  const begun = await through.ask({ body: initialize });
  assert.equal(begun.status, 200);
  const session = { 'mcp-session-id': begun.headers['mcp-session-id'], 'mcp-protocol-version': '2025-06-18' };
  const listed = await through.ask({ body: message('tools/list'), headers: session });
  assert.match(listed.text, /"name":"create_session"/);
  // Nothing has been said on it yet: what comes are its headers.
  const stream = await through.open({ method: 'GET', headers: session });
  assert.deepEqual([stream.status, stream.headers['content-type']], [200, 'text/event-stream']);
  assert.equal((await through.ask({ method: 'DELETE', headers: session })).status, 200);
  stream.hangUp();
  // The server has read it whole: it says what kind of message it is not.
  const large = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'ping',
    params: { _meta: { x: 'x'.repeat(23 * mib) } },
  });
  const taken = await through.ask({ body: large });
  assert.deepEqual([taken.status, /begin with an initialize request/.test(taken.text)], [400, true]);
}

async function limited(through) {
  for (let sent = 0; sent < 100; sent += 1) {
    const { status, headers } = await through.ask({ body: initialize });
    if (status === 429) {
      assert.match(headers['retry-after'], /^\d+$/);
      return;
    }
  }
  assert.fail('a hundred requests of a key that may call once a minute were answered');
}

/** What a command that goes on for long looks like: a part of the answer, and the rest when its client has seen that. */
async function streamed(run, kind, folder, where, ca) {
  const open = [];
  const server = createServer((asked, answer) => {
    if (asked.method === 'DELETE') {
      for (const one of open) one.end('data: two\n\n');
      answer.end();
      return;
    }
    asked.resume();
    answer.writeHead(200, { 'content-type': 'text/event-stream', 'x-seen': JSON.stringify(asked.headers) });
    answer.write('data: one\n\n');
    open.push(answer);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const end = await startProxy(run, kind, folder, { ...where, upstream: server.address().port });
  try {
    const through = new Through(where.path, ca, 'key');
    const passed = { host: name, authorization: 'Bearer key', 'mcp-session-id': 'a', 'mcp-protocol-version': 'b' };
    const { answer, headers } = await through.open({ body: '{}', headers: passed });
    for (const [header, value] of Object.entries(passed)) assert.equal(JSON.parse(headers['x-seen'])[header], value);
    let seen = '';
    answer.on('data', (piece) => {
      seen += piece;
    });
    await once(answer, 'data', { signal: AbortSignal.timeout(waitMs) });
    assert.equal(seen, 'data: one\n\n');
    const whole = once(answer, 'end', { signal: AbortSignal.timeout(waitMs) });
    await through.ask({ method: 'DELETE' });
    await whole;
    assert.equal(seen, 'data: one\n\ndata: two\n\n');
    // Whoever hangs up is gone for the server, too.
    const left = await through.open({ body: '{}' });
    const gone = once(open.at(-1), 'close', { signal: AbortSignal.timeout(waitMs) });
    left.hangUp();
    await gone;
  } finally {
    await end();
    server.closeAllConnections();
    server.close();
  }
}

/** Well above what it takes on a busy machine. */
const limitMs = 300_000;

await wholeRun(limitMs, async (run) => {
  const home = serverHome(run, 'proxies');
  const files = selfSigned(home.root, name);
  const ca = files.cert;
  const where = (kind, upstream) => ({ ...files, path: join(home.root, `${kind}.sock`), upstream });
  const secret = makeKey(home, 'caller', '--calls', '6000');
  for (const http of ['127.0.0.1:0', `unix:${join(home.root, 'mcp.sock')}`]) {
    const server = await startServer(home, http, '--host-name', name);
    const [, upstream] = /^unix:(.*)$/.exec(server.url) ?? [];
    try {
      for (const kind of Object.keys(proxies)) {
        const place = where(kind, upstream ?? Number(new URL(server.url).port));
        const folder = join(home.root, `${kind}-${upstream === undefined ? 'port' : 'socket'}`);
        const end = await startProxy(run, kind, folder, place);
        try {
          const through = new Through(place.path, ca, secret);
          await refused(through, secret);
          await served(through);
          await limited(new Through(place.path, ca, makeKey(home, folder.split('/').at(-1), '--calls', '1')));
        } finally {
          await end();
        }
        const log = join(folder, 'access.log');
        if (existsSync(log)) assert.doesNotMatch(readFileSync(log, 'utf8'), /pdkey_/);
        process.stderr.write(`== ${kind} in front of ${server.url}: as it should be\n`);
      }
    } finally {
      await server.end();
    }
  }
  for (const kind of Object.keys(proxies)) {
    await streamed(run, kind, join(home.root, `${kind}-stream`), where(kind), ca);
    process.stderr.write(`== ${kind} in front of a stream: as it should be\n`);
  }
});
