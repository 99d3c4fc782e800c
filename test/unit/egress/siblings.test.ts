import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { ChannelDialFailed } from '../../../src/channel/errors.js';
import type { Sibling } from '../../../src/egress/siblings.js';
import type { Denied } from '../../../src/policy/verdict.js';
import { dialPort, get, refusedConnect, restOf, socksRequest, socksTo, tunnelTo } from './support/client.js';
import { kinds, type Listening, listenOn, openRig, type Rig, type RigOptions } from './support/rig.js';

const id = 'pdk_aaaaaaaaaaaaaaaaaaaaaaaaaa';
const refusal: Denied = { verdict: 'deny', ruleId: 'internal.port', reason: 'not that one', hint: 'Another.' };
const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

async function rig(options: RigOptions): Promise<Rig> {
  const made = await openRig(options);
  opened.push(made);
  return made;
}

async function echo(): Promise<Listening> {
  const made = await listenOn(0, (socket) => socket.pipe(socket));
  opened.push(made);
  return made;
}

/** Siblings of which `web` publishes one port, and leads to one outside. */
function siblingsAt(port: number, more: Partial<Sibling> = {}) {
  const asked: string[] = [];
  const findSibling: RigOptions['findSibling'] = (host, wanted) => {
    asked.push(`${host.text}:${wanted}`);
    const sibling: Sibling = { verdict: 'allow', session: id, port: 8080, connect: () => dialPort(port), ...more };
    return Promise.resolve(host.text === 'web.internal' && wanted === 8080 ? sibling : refusal);
  };
  return { asked, findSibling };
}

describe.each(kinds)('a sibling, from a %s', (kind) => {
  it('is reached by a tunnel that carries anything, with no look at names and addresses', async () => {
    const { port } = await echo();
    const { findSibling, asked } = siblingsAt(port);
    const at = await rig({ kind, findSibling });
    const socket = await tunnelTo(at.httpPort, 'Web.Internal.:8080');
    socket.end('neither TLS nor HTTP');
    expect(await restOf(socket)).toBe('neither TLS nor HTTP');
    expect(asked).toEqual(['web.internal:8080']);
    expect(at.looked).toEqual([]);
    expect(at.connects).toMatchObject([{ host: 'web.internal', port: 8080, address: id, rule: 'internal' }]);
    await expect.poll(() => at.egress.usage.bytesIn).toBe(20);
  });

  it('is reached by SOCKS', async () => {
    const { port } = await echo();
    const at = await rig({ kind, ...siblingsAt(port) });
    const { code, socket } = await socksTo(at.socksPort, socksRequest('web.internal', 8080));
    expect(code).toBe(0);
    socket.end('hello');
    expect(await restOf(socket)).toBe('hello');
  });

  it('is reached by a page', async () => {
    const server = createServer((request, response) => response.end(`you asked ${request.headers.host}${request.url}`));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    opened.push({ [Symbol.asyncDispose]: () => Promise.resolve(void server.close()) });
    const at = await rig({ kind, ...siblingsAt(port) });
    expect(await get(at.httpPort, 'http://web.internal:8080/x')).toContain('you asked web.internal:8080/x');
  });

  it('is refused with the rule and the remedy', async () => {
    const at = await rig({ kind, ...siblingsAt(1), allow: ['metadata.google.internal'] });
    expect(await refusedConnect(at.httpPort, 'web.internal:81')).toMatch(/403.*internal\.port.*Another\./s);
    expect((await socksTo(at.socksPort, socksRequest('web.internal', 81))).code).toBe(2);
    // Whatever the list says: what is below .internal is never asked of the host's resolver.
    expect(await get(at.httpPort, 'http://metadata.google.internal/')).toContain('403');
    expect(at.looked).toEqual([]);
    expect(at.told.map(({ host, ruleId }) => `${host} ${ruleId}`)).toContain('metadata.google.internal internal.port');
  });

  it('that nobody answers in says so', async () => {
    const failing = siblingsAt(1, { connect: () => Promise.reject(new ChannelDialFailed(8080, 111)) });
    const at = await rig({ kind, ...failing });
    expect(await refusedConnect(at.httpPort, 'web.internal:8080')).toMatch(
      /502.*nothing listens on the port 8080 of the sibling yet/s,
    );
    const over = siblingsAt(1, { connect: () => Promise.reject(new Error('ended')) });
    const other = await rig({ kind, ...over });
    expect(await refusedConnect(other.httpPort, 'web.internal:8080')).toMatch(/502.*can not be reached/s);
    const slow = siblingsAt(1, { connect: () => new Promise(() => undefined) });
    const late = await rig({ kind, ...slow, times: { dialMs: 30 } });
    expect(await refusedConnect(late.httpPort, 'web.internal:8080')).toMatch(/504/);
  });
});

describe('without siblings', () => {
  it('a name below .internal is one like others', async () => {
    const at = await rig({ allow: ['http://web.internal:8080'], names: { 'web.internal': [['10.0.0.1']] } });
    expect(await get(at.httpPort, 'http://web.internal:8080/')).toContain('egress.address');
    expect(at.looked).toEqual(['web.internal']);
  });
});
