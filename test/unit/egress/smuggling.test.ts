import { describe, expect, it } from 'vitest';
import { exchange } from './support/client.js';
import { loopback, openRig } from './support/rig.js';
import { openPages } from './support/servers.js';

const cases: readonly (readonly [string, (url: string, hidden: string) => string])[] = [
  [
    'both a length and chunks',
    (url, hidden) =>
      `POST ${url} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  ],
  [
    'two lengths',
    (url, hidden) =>
      `POST ${url} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
  ],
  [
    'two lengths in one',
    (url, hidden) => `POST ${url} HTTP/1.1\r\nHost: x\r\nContent-Length: 0, ${hidden.length}\r\n\r\n${hidden}`,
  ],
  ['a signed length', (url, hidden) => `POST ${url} HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n${hidden}`],
  ['two hosts', (url, hidden) => `GET ${url} HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n${hidden}`],
  ['no host', (url, hidden) => `GET ${url} HTTP/1.1\r\n\r\n${hidden}`],
  [
    'a folded header',
    (url, hidden) => `POST ${url} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n chunked\r\n\r\n${hidden}`,
  ],
  [
    'a coding that is none',
    (url, hidden) => `POST ${url} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n${hidden}`,
  ],
  [
    'two codings',
    (url, hidden) => `POST ${url} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n${hidden}`,
  ],
  [
    'a space before the colon',
    (url, hidden) => `POST ${url} HTTP/1.1\r\nHost: x\r\nContent-Length : 0\r\n\r\n${hidden}`,
  ],
  [
    'a length that Connection takes away',
    (url, hidden) =>
      `POST ${url} HTTP/1.1\r\nHost: x\r\nConnection: content-length\r\nContent-Length: 1\r\n\r\nx${hidden}`,
  ],
  [
    'a host that Connection takes away',
    (url, hidden) => `GET ${url} HTTP/1.1\r\nHost: x\r\nConnection: Host\r\n\r\n${hidden}`,
  ],
  [
    'a chunk of no size',
    (url, hidden) => `POST ${url} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${hidden}`,
  ],
  ['NUL in a header', (url, hidden) => `GET ${url} HTTP/1.1\r\nHost: x\0y\r\n\r\n${hidden}`],
  ['no version', (url, hidden) => `GET ${url}\r\n\r\n${hidden}`],
  ['HTTP/2', (_, hidden) => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden}`],
  ['TLS', (_, hidden) => `\x16\x03\x01\x00\x05hello${hidden}`],
  ['headers without end', (url) => `GET ${url} HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`],
];

describe('a request that could be read as two', () => {
  it.each(cases)('is refused: %s', async (_, write) => {
    await using pages = await openPages();
    await using rig = await openRig({ allow: [`http://allowed.test:${pages.port}`, ...loopback(pages.port)] });
    const url = `http://allowed.test:${pages.port}/`;
    const hidden = `GET ${url}hidden HTTP/1.1\r\nHost: x\r\n\r\n`;
    const answer = await exchange(rig.httpPort, write(url, hidden));
    // Broken off where the first of the two had been read already.
    expect(answer).toMatch(/^(?:HTTP\/1\.1 (?:400|431) |$)/);
    expect(answer).not.toContain('hello');
    expect(pages.requests.map((one) => one.url)).not.toContain('/hidden');
  });

  it('by lines that end with a bare newline is sent on as whole lines, or refused', async () => {
    await using pages = await openPages();
    await using rig = await openRig({ allow: [`http://allowed.test:${pages.port}`, ...loopback(pages.port)] });
    const url = `http://allowed.test:${pages.port}/`;
    await exchange(rig.httpPort, `GET ${url} HTTP/1.1\nHost: x\nX: 1\nConnection: close\n\n`);
    for (const { rawHeaders } of pages.requests) {
      expect(rawHeaders).toEqual(['Host', `allowed.test:${pages.port}`, 'X', '1', 'Connection', 'close']);
    }
    expect(pages.requests.length + rig.told.length).toBe(1);
  });
});
