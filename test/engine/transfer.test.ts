import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/kit/clock.js';
import { mostOfTransfer } from '../../src/sandbox/files/transfer-bounds.js';
import { SessionFiles } from '../../src/session/files.js';
import type { Session } from '../../src/session/session.js';
import { SessionTransfers } from '../../src/session/transfers/session-transfers.js';
import { reportOf } from '../../src/session/transfers/transfer-jobs.js';
import { codeOf } from '../support/code-of.js';
import { swapRounds as rounds, Swapper } from '../support/swapping.js';
import { channelOrNot } from './support/engines.js';
import { run, Stage, said } from './support/stage.js';

const context = { signal: new AbortController().signal };

describe.each(channelOrNot)('copies into and out of a session, on a real rootless %s, over %s', (kind, commandPath) => {
  let stage: Stage;
  let session: Session;
  let transfers: SessionTransfers;
  let host: string;

  beforeAll(async () => {
    ({ stage, session } = await Stage.overProject(kind, { commandPath }));
    host = join(stage.folder, 'host');
    mkdirSync(host);
    transfers = new SessionTransfers({
      ...{ audit: stage.audit, clock: systemClock, judgement: undefined, withhold: [], bounds: mostOfTransfer },
    });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const subject = () => ({ sessionId: session.id, run: new SessionFiles(session).run });
  const request = (path: string, hostPath: string, overwrite = false) => ({
    ...{ path, hostPath: join(host, hostPath), overwrite, named: [] },
  });

  it('bring a tree there and back, and it belongs to whoever it is copied for', async () => {
    mkdirSync(join(host, 'tree/deep'), { recursive: true });
    const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 31) % 251));
    writeFileSync(join(host, 'tree/deep/blob'), bytes);
    for (let i = 0; i < 300; i += 1) writeFileSync(join(host, `tree/file${i}`), `${i}\n`);
    const sent = await transfers.in(subject(), request('made', 'tree'), context);
    expect(sent).toMatchObject({ entries: 303, leftOut: [], path: 'made' });
    expect(
      await said(session, 'cat made/file299; wc -c <made/deep/blob; find made -not -user "$(id -u)" | wc -l'),
    ).toBe('299\n3000000\n0');
    const got = await transfers.out(subject(), request('/workspace/made', 'back'), context);
    expect(got).toMatchObject({ entries: 303, bytes: sent.bytes, leftOut: [] });
    expect(readFileSync(join(host, 'back/deep/blob')).equals(bytes)).toBe(true);
    expect(statSync(join(host, 'back/deep/blob')).uid).toBe(process.getuid?.());
    expect(readdirSync(join(host, 'back')).length).toBe(301);
    // The same bytes have the same digest, each way.
    expect((await transfers.in(subject(), request('again', 'back'), context)).sha256).toBe(got.sha256);
    expect(session.commands.filter(({ argv }) => argv[0]?.includes('paddock') === true)).toEqual([]);
  });

  it('take nothing out that leads out, and leave what runs inside no way to hold them up', async () => {
    await run(
      session,
      'mkdir -p hostile/sub; cd hostile; mkfifo pipe; ln -s / root; ln -s ../../up sub/up; ln -s ok fine; printf x >ok; ' +
        `chmod 6777 ok; ln ok hard; printf x >"$(printf 'bad\\377')"; truncate -s 4G hole; mkdir -m 0 shut`,
    );
    const { leftOut } = await transfers.out(subject(), request('hostile', 'hostile'), context);
    expect(Object.fromEntries(leftOut.map(({ path, why }) => [path.slice(0, 6), why]))).toMatchObject({
      ...{ pipe: 'kind', root: 'link-out', 'sub/up': 'link-out', hole: 'size', shut: 'unreadable' },
    });
    expect(leftOut.map(({ why }) => why)).toContain('name');
    expect(readdirSync(join(host, 'hostile')).sort()).toEqual(['fine', 'hard', 'ok', 'shut', 'sub']);
    expect(statSync(join(host, 'hostile/ok')).mode & 0o7777).toBe(0o755);
  });

  it('say what of them is not taken inside: a read-only place, and one that is full', async () => {
    writeFileSync(join(host, 'large'), Buffer.alloc(40 * 1024 ** 2));
    expect(await codeOf(transfers.in(subject(), request('/usr/new', 'large'), context))).toBe('FILE_REFUSED');
    expect(await codeOf(transfers.in(subject(), request('/run/new', 'large'), context))).toBe('LIMIT_REACHED');
    expect(await said(session, 'ls -A /run | grep -c paddock- || true')).toBe('0');
  });

  it('go on by themselves when nobody waits, are stopped when asked, and end with their session', async () => {
    const begun = async (its: Session, path: string, name: string) => {
      mkdirSync(join(host, name));
      await run(its, `truncate -s 3G ${path}`);
      const wish = { ...request(path, name), direction: 'out' as const };
      const from = { sessionId: its.id, run: new SessionFiles(its).run };
      const job = its.transfers.start(wish, (own) => transfers.out(from, wish, own));
      await expect.poll(() => readdirSync(join(host, name))).toEqual([expect.stringMatching(/^\.paddock-/)]);
      return job;
    };
    const stopped = await begun(session, 'long', 'stopped');
    const sent = { ...request('while', 'tree'), direction: 'in' as const };
    const beside = session.transfers.start(sent, (own) => transfers.in(subject(), sent, own));
    await beside.settled;
    expect(reportOf(beside)).toMatchObject({ entries: 303, leftOut: [] });
    expect(stopped.outcome).toBeUndefined();
    await session.transfers.stop(stopped.id);
    expect(stopped.outcome).toMatchObject({ error: { code: 'INTERRUPTED' } });
    const other = await stage.create({ workspace: 'none' });
    const lost = await begun(other, '/tmp/long', 'lost');
    await stage.sessions.destroy(other.id);
    expect(lost.outcome).toMatchObject({ error: { code: expect.stringMatching(/^(?:INTERRUPTED|SESSION_ENDED)$/) } });
    expect([readdirSync(join(host, 'stopped')), readdirSync(join(host, 'lost'))]).toEqual([[], []]);
  });

  it('reach nothing of the host outside, however folders are swapped for links on both sides', async () => {
    const secret = join(stage.folder, 'secret');
    mkdirSync(secret);
    writeFileSync(join(secret, 'key'), 'of-the-host');
    const arena = join(host, 'arena');
    mkdirSync(join(arena, 'sub'), { recursive: true });
    writeFileSync(join(arena, 'sub/kept'), 'mine');
    await run(session, 'mkdir -p race/sub; printf inside >race/sub/key');
    const inside = await session.start({
      ...{ argv: ['/bin/sh', '-c', 'cd race; while :; do mv sub s2; ln -s "$0" sub; rm sub; mv s2 sub; done', secret] },
      ...{ timeoutMs: 600_000, outputCapBytes: 4096, outputLimitBytes: 1024 ** 2 },
    });
    await using swaps = new Swapper(secret, [join(arena, 'sub')]);
    await swaps.begun();
    for (let round = 0; round < (commandPath === 'exec' ? Math.min(5, rounds) : rounds); round += 1) {
      await transfers.out(subject(), request('race/.', 'arena', true), context);
      await transfers.in(subject(), request('taken', 'arena', true), context);
    }
    await inside.command.end('aborted');
    await inside.settled;
    expect(await swaps.whileStill(() => readdirSync(secret))).toEqual(['key']);
    expect(readFileSync(join(secret, 'key'), 'utf8')).toBe('of-the-host');
    expect(await said(session, 'grep -rl of-the-host taken race 2>/dev/null | wc -l')).toBe('0');
  });
});
