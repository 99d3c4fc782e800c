import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportAudit } from '../../src/audit/read.js';
import { answerQuestion } from '../../src/session/egress/answer-question.js';
import type { Session } from '../../src/session/session.js';
import { engineKinds } from './support/engines.js';
import { run, Stage, said } from './support/stage.js';

/** A page by the proxy inside, in absolute form: `NO_PROXY` keeps well-behaved clients from asking it for the loopback. */
const page = (url: string) =>
  `python3 -I -c '
import http.client
c = http.client.HTTPConnection("127.0.0.1", 61128, timeout=20)
c.request("GET", "${url}")
r = c.getresponse()
print(r.status, r.read().decode())
'`;
/** The same by a tunnel: the status of CONNECT alone. */
const tunnel = (authority: string) =>
  `python3 -I -c '
import socket
s = socket.create_connection(("127.0.0.1", 61128), 20)
s.sendall(b"CONNECT ${authority} HTTP/1.1\\r\\nHost: ${authority}\\r\\n\\r\\n")
print(s.makefile("rb").readline().decode().split()[1])
'`;

describe.each(engineKinds)('a sandbox of a real rootless %s with an allowlist', (kind) => {
  let server: Server;
  let other: Server;
  let stage: Stage;
  let session: Session;
  let port: number;
  let otherPort: number;

  beforeAll(async () => {
    const listening = async (text: string): Promise<Server> => {
      const made = createServer((_, response) => response.end(text));
      await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
      return made;
    };
    [server, other] = await Promise.all([listening('from outside'), listening('not to be had')]);
    port = (server.address() as AddressInfo).port;
    otherPort = (other.address() as AddressInfo).port;
    const allow = [`http://127.0.0.1:${port}`, `http://localhost:${port}`];
    stage = await Stage.open(kind, { policy: { egress: { allow, ask: [], approved: [] } } });
    session = await stage.create({ allow });
  });
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    for (const one of [server, other]) one.close();
  });

  it('has no network device all the same, and the kernel says so', async () => {
    const network = session.sandbox.handle.evidence.controls.find(({ id }) => id === 'network');
    expect(network).toMatchObject({ asked: 'allowlist', engine: 'none', status: 'enforced' });
    expect(await said(session, 'cut -d: -f1 -s /proc/net/dev | tr -d " \\n"')).toBe('lo');
  });

  it('reaches what is on the list, by its address and by its name', async () => {
    expect(await said(session, page(`http://127.0.0.1:${port}/`))).toBe('200 from outside');
    expect(await said(session, page(`http://localhost:${port}/x`))).toBe('200 from outside');
  });

  it('and nothing else: the answer, the result and the audit log say which rule, and what would allow it', async () => {
    const result = await run(session, page(`http://127.0.0.1:${otherPort}/`));
    expect(result.stdout.text).toMatch(/^403 /);
    expect(result.stdout.text).not.toContain('not to be had');
    expect(result.blocked).toMatchObject([{ host: '127.0.0.1', port: otherPort, ruleId: 'egress.host', count: 1 }]);
    expect(result.blocked?.[0]?.hint).toContain(`http://127.0.0.1:${otherPort}`);
    // Of this command only.
    expect((await run(session, 'true')).blocked).toBeUndefined();
    const written = [];
    for await (const { record } of exportAudit(stage.audit.path, { session: session.id })) written.push(record);
    const denied = written.filter((record) => record?.action === 'egress.deny');
    expect(denied.at(-1)).toMatchObject({ verdict: 'deny', rule: 'egress.host' });
  });

  it('not by a tunnel to the same place either, where only http is allowed', async () => {
    expect(await said(session, tunnel(`127.0.0.1:${otherPort}`))).toBe('403');
  });

  it('and a sandbox beside it, without a list, has no such port', async () => {
    const closed = await stage.create();
    expect((await run(closed, page(`http://127.0.0.1:${port}/`))).exitCode).toBe(1);
    expect(closed.sandbox.handle.spec).toMatchObject({ network: 'none' });
  });
});

describe.each(engineKinds)('what a sandbox of a real rootless %s may be asked for', (kind) => {
  let server: Server;
  let stage: Stage;
  let session: Session;
  let port: number;

  beforeAll(async () => {
    server = createServer((_, response) => response.end('from outside'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
    stage = await Stage.open(kind, {
      policy: {
        egress: { allow: [], ask: [`http://127.0.0.1:${port}`, `http://localhost:${port}`], approved: [] },
      },
    });
    session = await stage.create({ network: 'allowlist' });
  });
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    server.close();
  });

  /** Runs a line that wants out, and gives the answer as soon as it waits for one. */
  async function answered(answer: 'allow-once' | 'allow-session' | 'deny', host = '127.0.0.1'): Promise<string> {
    const questions = session.egress?.questions;
    const id = session.id;
    const stop = questions?.onAsked(({ rule }) => {
      void answerQuestion({ id, questions, audit: stage.audit }, rule, answer);
    });
    try {
      return (await run(session, page(`http://${host}:${port}/`))).stdout.text.slice(0, 3);
    } finally {
      stop?.();
    }
  }

  it('waits for a person, who lets it through once, or not', async () => {
    expect(await answered('allow-once')).toBe('200');
    expect(await answered('allow-session')).toBe('200');
    expect(await answered('deny', 'localhost')).toBe('403');
    // Not a second time: whoever asks on is not to wear anybody down.
    expect(await answered('allow-once', 'localhost')).toBe('403');
    // Nobody has to be asked any more.
    expect(await said(session, page(`http://127.0.0.1:${port}/`))).toBe('200 from outside');
    expect(session.egress?.questions.list).toEqual([]);
  });

  it('is on record with the answer', async () => {
    const answers = [];
    for await (const { record } of exportAudit(stage.audit.path, { session: session.id })) {
      if (record?.action === 'egress.answer') answers.push(record.details);
    }
    const given = (answer: string, host: string) => ({ answer, by: `http://${host}:${port}`, port });
    expect(answers).toMatchObject([
      given('allow-once', '127.0.0.1'),
      given('allow-session', '127.0.0.1'),
      given('deny', 'localhost'),
    ]);
  });

  it('is not asked for beyond the list of what may be asked', async () => {
    const result = await run(session, page('http://127.0.0.2:9/'));
    expect(result.stdout.text).toMatch(/^403 /);
    expect(result.blocked).toMatchObject([{ ruleId: 'egress.ceiling' }]);
  });
});
