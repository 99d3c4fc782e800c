import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seccompProfiles } from '../../src/confine/seccomp/profile.js';
import type { ControlEvidence } from '../../src/core/evidence.js';
import { activeSecurityModules } from '../../src/sandbox/host-facts.js';
import { McpClient } from '../e2e/support/client.js';
import { leftOvers } from '../e2e/support/left-overs.js';
import { document, paddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { ownProfiles } from '../e2e/support/profiles.js';
import { engineKinds } from '../engine/support/engines.js';

interface View {
  readonly profile?: string;
  readonly workspace: string;
  readonly limits: object;
  readonly idleTimeoutMs: number;
  readonly enforcement: { readonly controls: readonly ControlEvidence[] };
}

describe.each(engineKinds)('the profiles of sessions on %s', (kind) => {
  let place: Place;
  let mcp: McpClient;

  beforeAll(async () => {
    place = await Place.make(kind);
    mcp = await McpClient.start(place, ownProfiles(place));
  });

  afterAll(async () => {
    await mcp[Symbol.asyncDispose]();
    expect(await leftOvers(place, [kind])).toEqual([]);
    await place[Symbol.asyncDispose]();
  });

  async function made(args: Record<string, unknown>): Promise<View & { readonly sessionId: string }> {
    const sessionId = await mcp.create(args);
    return { ...((await mcp.call('get_session', { sessionId })).structured as unknown as View), sessionId };
  }
  const end = (sessionId: string) => mcp.call('destroy_session', { sessionId });
  const control = ({ enforcement }: View, id: string) => enforcement.controls.find((one) => one.id === id);
  const said = async (sessionId: string, command: string) =>
    (await mcp.call('execute_command', { sessionId, command })).structured['stdout'];

  it('standard is what there is without a name, and stands in every account of the session', async () => {
    const [unnamed, named] = [await made({}), await made({ profile: 'standard' })];
    const asked = (view: View) =>
      view.enforcement.controls.map((one) => [one.id, one.id === 'deadline' ? '' : one.asked]);
    expect(asked(named)).toEqual(asked(unnamed));
    expect(named.limits).toEqual(unnamed.limits);
    for (const { sessionId, profile } of [unnamed, named]) {
      expect(profile).toBe('standard');
      const inspected = document(await paddock(place, ['inspect', '--json', sessionId]));
      expect(inspected).toMatchObject({ spec: { profile: 'standard' } });
      const outcome = (await place.audit()).find((line) => line.session === sessionId && line.phase === 'outcome');
      expect(outcome?.details).toMatchObject({ profile: 'standard' });
    }
    const listed = (await mcp.call('list_sessions')).structured['sessions'] as View[];
    expect(listed.map(({ profile }) => profile)).toEqual(['standard', 'standard']);
    for (const { sessionId } of [unnamed, named]) await end(sessionId);
  });

  it.each(['debug', 'nested'])('%s has its system call filter, as the filter itself says', async (profile) => {
    const view = await made({ profile });
    const fingerprint = seccompProfiles().find(({ variant }) => variant === profile)?.fingerprint;
    expect(control(view, 'seccomp')).toMatchObject({
      ...{
        status: 'enforced',
        asked: `${profile} (${fingerprint})`,
        kernel: expect.stringContaining(`${fingerprint}`),
      },
    });
    expect((await mcp.call('get_session', { sessionId: view.sessionId })).text).toContain(
      `profile ${profile}, image host`,
    );
    await end(view.sessionId);
  });

  it('one of the user’s own holds inside, and gives way to what the caller asks for', async () => {
    const view = await made({ profile: 'thrifty', memory: '512m' });
    expect(view).toMatchObject({
      ...{ profile: 'thrifty', workspace: 'ro', idleTimeoutMs: 600_000 },
      limits: { memoryBytes: 512 * 1024 ** 2, cpuMillis: 1000, pids: 256 },
    });
    expect(control(view, 'nofile')).toMatchObject({ status: 'enforced', asked: '1024' });
    expect(await said(view.sessionId, 'ulimit -n; df -k --output=size /dev/shm | tail -n 1 | tr -d " "')).toBe(
      '1024\n16384\n',
    );
    await end(view.sessionId);
  });

  it('strict is made where the kernel confirms what it requires, and else refused by its name', async () => {
    const standard = await made({});
    await end(standard.sessionId);
    const required = ['memory', 'pids', ...activeSecurityModules()];
    const missing = required.filter((id) => control(standard, id)?.status !== 'enforced');
    const answer = await mcp.call('create_session', { profile: 'strict' });
    if (missing.length === 0) {
      expect(answer.structured).toMatchObject({ profile: 'strict', limits: { memoryBytes: 1024 ** 3, pids: 256 } });
      await end(answer.structured['sessionId'] as string);
    } else {
      expect(answer).toMatchObject({ isError: true, code: 'CONTROL_NOT_ENFORCED' });
      expect(answer.text).toContain('required by policy or the profile strict, and not so: ');
      for (const id of missing) expect(answer.text).toContain(`${id} is `);
    }
  });

  it('are refused by rule when unknown, with the names of those that are there', async () => {
    const answer = await mcp.call('create_session', { profile: 'stricct' });
    expect(answer).toMatchObject({ isError: true, code: 'POLICY_DENIED', ruleId: 'profile.unknown' });
    expect(answer.text).toContain('there are debug, nested, standard, strict, thrifty');
    expect(answer.text).toContain('Did you mean strict?');
  });
});

describe('a server whose policy lists the profiles', () => {
  it('uses the first where none is named, and refuses every other', async () => {
    await using place = await Place.make(engineKinds[0]);
    await using mcp = await McpClient.start(place, ownProfiles(place, 'profiles = ["thrifty"]'));
    const answer = await mcp.call('create_session', { workspace: 'none' });
    expect(answer.structured).toMatchObject({ profile: 'thrifty', limits: { pids: 256 } });
    await mcp.call('destroy_session', { sessionId: answer.structured['sessionId'] });
    const refused = await mcp.call('create_session', { profile: 'standard' });
    expect(refused).toMatchObject({ code: 'POLICY_DENIED', ruleId: 'profile.not-allowed' });
    expect(refused.text).toContain('thrifty, not standard');
  });
});
