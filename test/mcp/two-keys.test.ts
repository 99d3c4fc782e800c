import { StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Disposables } from '../../src/kit/disposables.js';
import type { Answer } from '../e2e/support/client.js';
import { HttpServer, type KeyClient, paddock } from '../e2e/support/http-server.js';
import { leftOvers } from '../e2e/support/left-overs.js';
import { fetching, type Outside, openOutside, ownEgress } from '../e2e/support/outside.js';
import { Place } from '../e2e/support/place.js';
import { engineKinds } from '../engine/support/engines.js';

const page = 'x'.repeat(64 * 1024);

/** Pages by the proxy inside, one after the other, for as long as it is let. */
const fetchingOn = (url: string) =>
  `python3 -I -c '
import http.client
while True:
    c = http.client.HTTPConnection("127.0.0.1", 61128, timeout=60)
    c.request("GET", "${url}")
    c.getresponse().read()
'`;

describe.each(engineKinds)('two keys that hammer one server, on %s', (kind) => {
  const held = new Disposables();
  let place: Place;
  let outside: Outside;
  let server: HttpServer;
  let ada: KeyClient;
  let bob: KeyClient;
  let adas: string;
  let bobs: string;

  beforeAll(async () => {
    place = held.use(await Place.make(kind));
    outside = held.use(await openOutside(page));
    server = held.use(await HttpServer.start(place, [], ownEgress(place, { allow: [outside.rule] })));
    const allow = ['--allow', outside.rule, '--sessions', '2'];
    ada = held.use(await server.client('ada', ...allow, '--calls', '10', '--egress-bytes', '512k'));
    bob = held.use(await server.client('bob', ...allow, '--calls', '6000', '--creates', '600'));
    [adas, bobs] = await Promise.all([begun(ada, 'adas'), begun(bob, 'bobs')]);
  });

  afterAll(async () => {
    await server.terminate();
    expect(await leftOvers(place, [kind])).toEqual([]);
    await held[Symbol.asyncDispose]();
  });

  async function begun(key: KeyClient, name: string): Promise<string> {
    const made = await key.call('create_session', { workspace: 'none', name, allow: [outside.rule] });
    if (made.isError) throw new Error(made.text);
    return String(made.structured['sessionId']);
  }

  /** What somebody else's work would show in: output, files, lists, a way out, a session that is made and destroyed. */
  async function bobsRound(i: number): Promise<void> {
    const written = await bob.call('write_file', { sessionId: bobs, path: '/tmp/note', content: `bob-${i}` });
    expect(written.text).not.toContain('ada');
    const command = `cat /tmp/note; echo; ${fetching(outside.url)}`;
    const [ran, other] = await Promise.all([
      bob.call('execute_command', { sessionId: bobs, command }),
      begun(bob, `bob-${i}`),
    ]);
    expect(ran.structured).toMatchObject({ exitCode: 0, stdout: `bob-${i}\n200\n` });
    const { sessions } = (await bob.call('list_sessions')).structured as { sessions: { sessionId: string }[] };
    expect(sessions.map(({ sessionId }) => sessionId).sort()).toEqual([bobs, other].sort());
    const ended = await bob.call('destroy_session', { sessionId: other });
    expect(ended.structured).toMatchObject({ destroyed: true });
  }

  /** Everything that ada might try, in turn, until the server answers by status alone. */
  async function adasHammering(): Promise<{
    readonly answers: readonly Answer[];
    readonly foreign: readonly Answer[];
  }> {
    const [answers, foreign]: [Answer[], Answer[]] = [[], []];
    const guess = `pdk_${'b'.repeat(26)}`;
    const ways: readonly (() => Promise<unknown>)[] = [
      async () => answers.push(await ada.call('list_sessions')),
      async () => foreign.push(await ada.call('read_file', { sessionId: bobs, path: '/tmp/note' })),
      async () => answers.push(await ada.call('create_session', { workspace: 'none', name: 'adas' })),
      async () => foreign.push(await ada.call('get_session', { sessionId: bobs })),
      async () => answers.push(await ada.call('execute_command', { sessionId: adas, command: 'echo mine' })),
      async () => foreign.push(await ada.call('update_session', { sessionId: bobs, lifetime: '1m' })),
      async () => answers.push(await ada.call('destroy_session', { sessionId: bobs })),
      async () => foreign.push(await ada.call('get_session', { sessionId: guess })),
    ];
    let next = 0;
    const worker = async () => {
      for (;;) await ways[next++ % ways.length]?.();
    };
    const endings = await Promise.allSettled(Array.from({ length: 6 }, worker));
    for (const ending of endings) {
      expect(ending).toMatchObject({ status: 'rejected', reason: expect.any(StreamableHTTPError) });
      expect(ending).toMatchObject({ reason: { code: 429 } });
    }
    return { answers, foreign };
  }

  /** By real bytes through the channel of her session. */
  async function adasQuota(): Promise<void> {
    const spent = await ada.call('execute_command', {
      ...{ sessionId: adas, command: fetchingOn(outside.url), timeout: '5m' },
    });
    expect(spent.structured).toMatchObject({ reason: 'aborted' });
    const refused = await ada.call('execute_command', { sessionId: adas, command: 'true' });
    expect(refused).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      text: expect.stringContaining('bytes to and from outside'),
    });
    expect((await ada.call('get_session', { sessionId: adas })).isError).toBe(false);
  }

  it('lets neither see the other, and one beyond its rates and its traffic takes nothing from the other', async () => {
    const hammering = { isOver: false };
    const hers = (async () => {
      await adasQuota();
      return await adasHammering();
    })().finally(() => {
      hammering.isOver = true;
    });
    const his = (async () => {
      for (let i = 0; i < 2 || !hammering.isOver; i += 1) await bobsRound(i);
    })();
    const [{ answers, foreign }] = await Promise.all([hers, his]);
    for (const { code } of foreign) expect(['NO_SUCH_SESSION', 'RATE_LIMITED']).toContain(code);
    const codes = new Set(answers.map(({ code }) => code));
    expect(codes).toEqual(new Set([undefined, 'QUOTA_EXCEEDED', 'RATE_LIMITED']));
    for (const { structured, text } of answers) {
      expect(text).not.toContain('bob');
      expect([undefined, false]).toContain(structured['destroyed']);
      const sessions = (structured['sessions'] ?? []) as readonly { sessionId: string }[];
      for (const { sessionId } of sessions) expect(sessionId).toBe(adas);
    }
  });

  it('ends the sessions of the one that is revoked, while those of the other go on', async () => {
    const files = async () => (await place.recordFiles()).join(' ');
    expect(await files()).toContain(adas);
    await paddock(place, 'keys', 'revoke', 'ada');
    await expect.poll(files, { timeout: 60_000 }).not.toContain(adas);
    await bobsRound(1000);
    await expect(ada.call('list_sessions')).rejects.toThrow();
  });
});
