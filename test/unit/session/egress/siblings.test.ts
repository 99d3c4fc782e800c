import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readHost } from '../../../../src/policy/egress/host.js';
import { type Member, Siblings } from '../../../../src/session/egress/siblings.js';

const web: Member = {
  id: 'pdk_aaaaaaaaaaaaaaaaaaaaaaaaaa' as never,
  name: 'web',
  ports: [{ port: 8080 }],
  dial: () => Promise.resolve(new PassThrough()),
};
const nowhere = () => Promise.resolve(false);
const find = async (siblings: Siblings, name: string, port = 8080) => {
  const reading = readHost(name);
  if ('problem' in reading) throw new Error(reading.problem);
  return siblings.find(reading.host, port);
};
const ruleOf = async (...args: Parameters<typeof find>) => {
  const found = await find(...args);
  return found.verdict === 'deny' ? found.ruleId : 'allow';
};
const never = new AbortController().signal;

describe('the sessions that see each other', () => {
  it('are known by their names as long as they run, and then as ended', async () => {
    const siblings = new Siblings(nowhere);
    expect(await ruleOf(siblings, 'web.internal')).toBe('internal.session');
    const membership = siblings.join(web);
    expect(siblings.has('web')).toBe(true);
    expect(await find(siblings, 'Web.Internal.')).toMatchObject({ verdict: 'allow', session: web.id, port: 8080 });
    expect(await ruleOf(siblings, 'web.internal', 81)).toBe('internal.port');
    membership[Symbol.dispose]();
    expect(await ruleOf(siblings, 'web.internal')).toBe('internal.ended');
    siblings.join({ ...web, id: 'pdk_baaaaaaaaaaaaaaaaaaaaaaaaa' as never });
    expect(await find(siblings, 'web.internal')).toMatchObject({ session: 'pdk_baaaaaaaaaaaaaaaaaaaaaaaaa' });
  });

  it('leave a name to who had it first, also when the other goes', async () => {
    const siblings = new Siblings(nowhere);
    siblings.join(web);
    const second = siblings.join({ ...web, id: 'pdk_baaaaaaaaaaaaaaaaaaaaaaaaa' as never });
    second[Symbol.dispose]();
    expect(await find(siblings, 'web.internal')).toMatchObject({ session: web.id });
  });

  it('are told from those that another process holds, who are asked for once at a time', async () => {
    let asked = 0;
    const answer: ((isThere: boolean) => void)[] = [];
    const siblings = new Siblings(() => {
      asked += 1;
      return new Promise((resolve) => answer.push(resolve));
    });
    const both = [ruleOf(siblings, 'db.internal'), ruleOf(siblings, 'db.internal', 81)];
    answer[0]?.(true);
    expect(await Promise.all(both)).toEqual(['internal.elsewhere', 'internal.elsewhere']);
    expect(asked).toBe(1);
    const broken = new Siblings(() => Promise.reject(new Error('no records')));
    expect(await ruleOf(broken, 'db.internal')).toBe('internal.session');
  });

  it('take 64 connections into one of them at most, and one more when one is over', async () => {
    const siblings = new Siblings(nowhere);
    siblings.join(web);
    const sockets = [];
    for (let at = 0; at < 64; at += 1) {
      const found = await find(siblings, 'web.internal');
      if (found.verdict === 'allow') sockets.push(await found.connect(never));
    }
    expect(await ruleOf(siblings, 'web.internal')).toBe('egress.limit');
    sockets[0]?.destroy();
    await expect.poll(() => ruleOf(siblings, 'web.internal')).toBe('allow');
  });

  it('do not count what could not be made', async () => {
    const siblings = new Siblings(nowhere);
    siblings.join({ ...web, dial: () => Promise.reject(new Error('refused')) });
    for (let at = 0; at < 70; at += 1) {
      const found = await find(siblings, 'web.internal');
      expect(found.verdict).toBe('allow');
      if (found.verdict === 'allow') await expect(found.connect(never)).rejects.toThrow('refused');
    }
  });
});
