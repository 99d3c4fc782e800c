import { describe, expect, it } from 'vitest';
import { selfSigned } from '../../../../scripts/lab/self-signed.js';
import { openBroker } from '../../../../src/egress/broker/broker.js';
import { anthropicRoute } from '../../../../src/egress/broker/routes/anthropic.js';
import { Scrubber } from '../../../../src/egress/broker/scrub.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { Secret } from '../../../../src/kit/secret.js';
import { fakeProvider } from './support/fake-provider.js';
import { ask } from './support/inside.js';
import { canary, canaryKey, message, opened } from './support/open.js';
import { temporaryFolder } from './support/temporary-folder.js';

const path = '/anthropic/v1/messages';
const spellings = (key: string) => [
  key,
  Buffer.from(key).toString('hex'),
  Buffer.from(key).toString('base64').replaceAll('=', ''),
  Buffer.from(`x:${key}`).toString('base64'),
  Buffer.from(`Basic ${key}`).toString('base64url'),
];

describe('the key', () => {
  it('is in nothing that goes inside when a provider sends it back, in headers or bodies, in clear or encoded', async () => {
    const all = spellings(canary);
    for (const status of [200, 401, 500]) {
      await using here = await opened((_request, response) => {
        response.writeHead(status, {
          ...{ 'content-type': 'application/json', 'request-id': canary, 'set-cookie': `a=${canary}` },
          ...{ 'www-authenticate': `Basic realm="${canary}"`, 'x-api-key': canary, location: `/${canary}` },
        });
        response.end(all.join(' '));
      });
      const answer = await ask(here.broker, { path, body: message() });
      const everything = `${answer.rawHeaders.join('\n')}\n${answer.text}`;
      for (const spelling of all) expect(everything).not.toContain(spelling.slice(9, -4));
      expect(answer.text).toHaveLength(all.join(' ').length);
      expect(Object.keys(answer.headers)).not.toEqual(
        expect.arrayContaining([expect.stringMatching(/cookie|authenticate|location|api-key/)]),
      );
    }
  });

  it('is struck out across the pieces of a body, and pieces that hold nothing of it go on whole', () => {
    const text = `before ${canary} after ${canary}`;
    for (let size = 1; size < text.length; size += 1) {
      const scrubber = new Scrubber([new Secret(canary)]);
      const parts: Buffer[] = [];
      for (let at = 0; at < text.length; at += size) parts.push(scrubber.push(Buffer.from(text.slice(at, at + size))));
      parts.push(scrubber.end());
      expect(Buffer.concat(parts).toString()).toBe(text.replaceAll(canary, '*'.repeat(canary.length)));
    }
    const event = Buffer.from('data: {"a":1}\n\n');
    expect(new Scrubber([new Secret(canary)]).push(event)).toEqual(event);
  });

  it('goes to nobody whose certificate is not to be trusted, whatever the environment says', async () => {
    await using folder = await temporaryFolder();
    const pem = selfSigned(folder.path);
    await using provider = await fakeProvider((_request, response) => void response.end('{}'), pem);
    const named = new URL(provider.url);
    named.hostname = 'localhost';
    const cases = [
      { upstream: named, tls: {}, status: 502 },
      { upstream: provider.url, tls: { ca: pem.cert }, status: 502 },
      { upstream: named, tls: { ca: pem.cert }, status: 200 },
    ];
    for (const { upstream, tls, status } of cases) {
      await using broker = openBroker({
        clock: systemClock,
        tls,
        routes: [anthropicRoute({ upstream, key: canaryKey })],
      });
      expect((await ask(broker, { path, body: message() })).status).toBe(status);
    }
    expect(provider.seen).toHaveLength(1);
  });
});
