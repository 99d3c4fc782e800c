import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keeperOf } from '../e2e/support/keeper.js';
import { fetching, type Outside, openOutside, ownEgress } from '../e2e/support/outside.js';
import { document, paddock, withoutNote } from '../e2e/support/paddock.js';
import type { Place } from '../e2e/support/place.js';
import { Places } from '../e2e/support/places.js';
import { engineKinds } from '../engine/support/engines.js';

describe.each(engineKinds)('--allow on %s', (kind) => {
  const places = new Places(kind);
  let place: Place;
  let outside: Outside;
  let other: Outside;
  let env: Readonly<Record<string, string>>;

  beforeAll(async () => {
    place = await places.make();
    [outside, other] = await Promise.all([openOutside(), openOutside()]);
    env = ownEgress(place, { allow: [outside.rule] });
  });
  afterAll(async () => {
    await places.empty();
    await places.gone();
    for (const one of [outside, other]) await one[Symbol.asyncDispose]();
  });

  const tool = (...args: string[]) => paddock(place, args, { env });
  /** Asks for a page that may be had, and for one that may not. */
  const both = () => ['--', 'sh', '-c', `${fetching(outside.url)}\n${fetching(other.url)}`];
  const elsewhere = () => ({ host: '127.0.0.1', port: other.port, ruleId: 'egress.host', count: 1 });

  it('lets a run reach what it names, and says on stderr what was refused and what would allow it', async () => {
    const ran = await tool('run', '--allow', outside.rule, ...both());
    expect([ran.status, ran.stdout.toString()]).toEqual([0, '200\n403\n']);
    expect(withoutNote(ran.stderr)).toMatch(
      new RegExp(`^paddock: blocked: 127.0.0.1:${other.port} \\[rule egress.host\\]. .*--allow ${other.rule}\``),
    );
    expect(ran.stderr).toContain(`allow = ["${other.rule}"]`);
    const json = await tool('run', '--json', '--allow', outside.rule, ...both());
    expect(document(json)).toMatchObject({ stdout: { text: '200\n403\n' }, blocked: [elsewhere()] });
    const empty = await tool('run', '--network', 'allowlist', '--', 'true');
    expect(empty.stderr).toContain('paddock: allow is empty: every connection is refused\n');
  });

  it('and refuses what the policy lacks, with the lines that would add it, before anything is made', async () => {
    const refused = await tool('run', '--json', '--allow', other.rule, '--', 'true');
    expect([refused.status, document(refused)]).toMatchObject([
      125,
      { error: { code: 'POLICY_DENIED', info: { ruleId: 'egress.ceiling' } } },
    ]);
    const { next } = document(refused)['error'] as { next: string };
    for (const part of [`allow = ["${other.rule}"]`, '~/.config/paddock/config.toml', '/etc/paddock/policy.toml'])
      expect(next).toContain(part);
    const none = await tool('run', '--network', 'none', '--allow', outside.rule, '--', 'true');
    expect(none.stderr).toContain('[rule request.conflict]');
    const preset = await tool('create', '--allow', 'npm');
    expect(preset.stderr).toContain('allow = ["preset:npm"]');
    expect(await place.recordFiles()).toEqual([]);
  });

  it('stays with a session whose keeper is killed: the next one answers for it', async () => {
    const id = document(await tool('create', '--json', '--allow', outside.rule))['sessionId'] as string;
    const fetched = async () => document(await tool('exec', '--json', id, ...both()));
    expect(await fetched()).toMatchObject({ stdout: { text: '200\n403\n' }, blocked: [elsewhere()] });
    const killed = keeperOf(place);
    process.kill(killed, 'SIGKILL');
    expect(await fetched()).toMatchObject({ stdout: { text: '200\n403\n' }, blocked: [elsewhere()] });
    expect(keeperOf(place)).not.toBe(killed);
    const lines = (await place.audit()).filter(({ session }) => session === id);
    expect(lines.filter(({ action }) => action === 'egress.connect')).toMatchObject([
      { verdict: 'allow', details: { host: '127.0.0.1', port: outside.port, by: outside.rule, via: 'http' } },
      // The second keeper's first.
      { details: { port: outside.port } },
    ]);
    expect(lines.filter(({ action }) => action === 'egress.deny')).toHaveLength(2);
    expect((await tool('inspect', id)).stdout.toString()).toContain(`\nnetwork: allowlist of ${outside.rule}\n`);
  });

  it('is told by `paddock audit show` beneath the command, among files and changes', async () => {
    const cow = ['--project', place.project, '--workspace', 'cow'];
    const id = document(await tool('create', '--json', ...cow, '--allow', outside.rule))['sessionId'] as string;
    await tool('exec', id, '--', 'sh', '-c', `echo new >made\n${fetching(other.url)}`);
    expect((await tool('cp', `${id}:made`, place.root)).status).toBe(0);
    expect((await tool('apply', id, 'made')).status).toBe(0);
    const { steps } = document(await tool('audit', 'show', id, '--json')) as { steps: Record<string, unknown>[] };
    expect(steps[1]).toMatchObject({ kind: 'command', action: 'command.run' });
    // A copy may run commands of its own.
    expect(steps.filter(({ kind }) => kind !== 'command').map(({ action }) => action)).toEqual([
      ...['session.create', 'egress.deny', 'files.transfer', 'changes.apply', 'changes.applied'],
    ]);
    const { port } = other;
    expect(steps.find(({ kind }) => kind === 'egress')).toMatchObject({ rule: 'egress.host', details: { port } });
  });

  it('is nothing that `paddock approve` can add to: only what egress.ask has is asked', async () => {
    const id = document(await tool('create', '--json', '--allow', outside.rule))['sessionId'] as string;
    const nothing = await tool('approve', id);
    expect([nothing.status, nothing.stdout.toString()]).toEqual([0, 'nothing waits for an approval\n']);
    const wrong: readonly [readonly string[], number, string][] = [
      [[], 2, 'BAD_ARGUMENT'],
      [[id, 'x.example', '--session', '--always'], 2, 'BAD_ARGUMENT'],
      [[id, 'x.example'], 6, 'NO_SUCH_QUESTION'],
      [['pdk_aaaaaaaaaaaaaaaaaaaaaaaaaa'], 6, 'NO_SUCH_SESSION'],
    ];
    for (const [args, status, code] of wrong) {
      const refused = await tool('approve', '--json', ...args);
      expect([args, refused.status, document(refused)]).toMatchObject([args, status, { error: { code } }]);
    }
  });
});
