import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { openBroker } from '../../../../src/egress/broker/broker.js';
import { anthropicRoute } from '../../../../src/egress/broker/routes/anthropic.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { untilRoom } from '../../../../src/kit/until-room.js';
import { fakeProvider, sendJson } from './support/fake-provider.js';
import { ask, connect, open, raw } from './support/inside.js';
import { canaryKey, message, opened } from './support/open.js';

const path = '/anthropic/v1/messages';
const request = { path, body: message({ stream: true }) };
const start =
  'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":7,"output_tokens":1}}}\n\n';
const end = 'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":9}}\n\n';

function startStream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(start);
}

describe('an answer that is a stream', () => {
  it('is inside event by event: the first is there before the provider sends the second', async () => {
    let goOn: (() => void) | undefined;
    await using all = await opened(async (_request, response) => {
      startStream(response);
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      response.end(end);
    });
    const answer = await open(all.broker, request);
    const parts = answer[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    expect(String((await parts.next()).value)).toBe(start);
    goOn?.();
    expect(String((await parts.next()).value)).toBe(end);
    expect((await parts.next()).done).toBe(true);
    await expect
      .poll(() => all.uses)
      .toMatchObject([
        {
          route: 'anthropic',
          model: 'claude-sonnet-5',
          status: 200,
          isReckoned: false,
          tokens: { input: 7, output: 9 },
        },
      ]);
    expect(all.uses[0]?.costUsd).toBeCloseTo((7 * 2 + 9 * 10) / 1e6);
    expect(all.broker.usage()).toMatchObject({
      requests: 1,
      unpriced: 0,
      lines: [{ key: canaryKey.secret.fingerprint }],
    });
  });

  it('waits at the provider while nobody inside reads', async () => {
    const piece = Buffer.alloc(64 * 1024, 'x');
    let sent = 0;
    await using all = await opened(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (; sent < 256 && !response.destroyed; sent += 1) {
        if (!response.write(piece)) await untilRoom(response);
      }
      response.end();
    });
    const answer = await open(all.broker, request);
    let before = -1;
    // Until it stands still.
    await expect
      .poll(
        () => {
          const isStill = sent === before;
          before = sent;
          return isStill;
        },
        { interval: 200 },
      )
      .toBe(true);
    expect(sent).toBeLessThan(200);
    let bytes = 0;
    for await (const part of answer as AsyncIterable<Buffer>) bytes += part.length;
    expect(bytes).toBe(256 * piece.length);
  });

  it('is ended at the provider when it is reset inside, and counted all the same', async () => {
    let isClosed = false;
    await using all = await opened(async (_request, response) => {
      response.on('close', () => {
        isClosed = true;
      });
      startStream(response);
      await once(response, 'close');
    });
    const answer = await open(all.broker, request);
    await once(answer, 'data');
    answer.destroy();
    await expect.poll(() => isClosed).toBe(true);
    await expect.poll(() => all.uses).toMatchObject([{ isReckoned: true, tokens: { input: 7 } }]);
    expect(all.uses[0]?.tokens?.output).toBe(Math.ceil(start.length / 4));
    expect(all.broker.usage().lines).toMatchObject([{ reckoned: 1 }]);
  });

  it('is ended inside when the provider breaks off, or says nothing any more', async () => {
    for (const limits of [{}, { stallMs: 300 }]) {
      let breakOff: (() => void) | undefined;
      await using all = await opened(
        async (_request, response) => {
          startStream(response);
          await new Promise<void>((resolve) => {
            breakOff = resolve;
          });
          response.destroy();
        },
        { limits },
      );
      const answer = await open(all.broker, request);
      const parts = answer[Symbol.asyncIterator]();
      await parts.next();
      if (!('stallMs' in limits)) breakOff?.();
      await expect(parts.next()).rejects.toMatchObject({ code: 'ECONNRESET' });
      breakOff?.();
    }
  });

  it('ends with the session', async () => {
    await using provider = await fakeProvider(async (_request, response) => {
      startStream(response);
      await once(response, 'close');
    });
    const broker = openBroker({
      clock: systemClock,
      routes: [anthropicRoute({ upstream: provider.url, key: canaryKey })],
    });
    const answer = await open(broker, request);
    const closed = once(answer, 'error');
    await broker[Symbol.asyncDispose]();
    await closed;
    const late = connect(broker);
    await expect.poll(() => late.destroyed).toBe(true);
  });
});

describe('who is slow, dead or false', () => {
  it.each(['', 'POST /anthr', 'POST /anthropic/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: b'])(
    'a head that does not come to its end (%j) costs its sender the connection',
    async (text) => {
      await using all = await opened(() => undefined, { limits: { headMs: 200 } });
      expect(await raw(all.broker, text)).toBe('');
    },
  );

  it('a body that does not come to its end costs its sender the connection', async () => {
    await using all = await opened(() => undefined, { limits: { bodyMs: 200 } });
    const text = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{`;
    expect(await raw(all.broker, text)).toBe('');
    expect(all.provider.seen).toEqual([]);
  });

  it('a connection more than there may be is closed, and there is room again after others', async () => {
    await using all = await opened((_request, response) => sendJson(response, {}), { limits: { connections: 1 } });
    const first = connect(all.broker);
    expect(await raw(all.broker, `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)).toBe('');
    first.destroy();
    const get = { path: '/anthropic/v1/models' };
    await expect
      .poll(() =>
        ask(all.broker, get).then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200);
  });

  it('a provider that does not answer in time is said to be slow', async () => {
    await using all = await opened((_request, response) => once(response, 'close').then(() => undefined), {
      limits: { answerMs: 200 },
    });
    expect(await ask(all.broker, request)).toMatchObject({
      ...{ status: 504, headers: { 'x-paddock-rule': 'broker.upstream-slow', 'x-should-retry': 'true' } },
    });
  });

  it('a provider that is not there, or breaks off, is said to be so', async () => {
    await using all = await opened((_request, response) => void response.destroy());
    const broken = await ask(all.broker, request);
    expect(broken).toMatchObject({ status: 502, headers: { 'x-paddock-rule': 'broker.upstream' } });
    await all.provider[Symbol.asyncDispose]();
    const gone = await ask(all.broker, request);
    expect(gone).toMatchObject({ status: 502 });
    expect(gone.text).toContain('ECONNREFUSED');
  });

  it('a redirect is refused and led to by nothing', async () => {
    await using other = await fakeProvider((_request, response) => void response.end());
    await using all = await opened((_request, response) => {
      response.writeHead(307, { location: other.url.href, refresh: `0; url=${other.url.href}` }).end();
    });
    const answer = await ask(all.broker, request);
    expect(answer).toMatchObject({ status: 502, headers: { 'x-paddock-rule': 'broker.redirect' } });
    expect(answer.headers).not.toHaveProperty('location');
    expect(answer.text).not.toContain(other.url.host);
    expect(other.seen).toEqual([]);
  });
});
