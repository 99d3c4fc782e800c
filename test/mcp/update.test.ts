import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { McpClient } from '../e2e/support/client.js';
import { ClientPlace } from '../e2e/support/client-place.js';
import { document, paddock } from '../e2e/support/paddock.js';
import type { Place } from '../e2e/support/place.js';
import { engineKinds } from '../engine/support/engines.js';

interface View {
  readonly endsInMs: number;
  readonly idleTimeoutMs: number;
  readonly limits: { readonly memoryBytes: number; readonly pids: number };
  readonly enforcement: { readonly controls: readonly { readonly id: string; readonly kernel: string }[] };
}

const hourMs = 3_600_000;

describe.each(engineKinds)('a session of a server on %s', (kind) => {
  let opened: ClientPlace;
  let place: Place;
  let mcp: McpClient;

  beforeAll(async () => {
    opened = await ClientPlace.open(kind);
    ({ place, mcp } = opened);
  });

  afterAll(() => opened[Symbol.asyncDispose]());

  async function view(sessionId: string): Promise<View> {
    return (await mcp.call('get_session', { sessionId })).structured as unknown as View;
  }

  it('gets more time and other limits, and shows them everywhere', async () => {
    const sessionId = await mcp.create({ lifetime: '1h', memory: '256m' });
    const request = { sessionId, lifetime: '3h', idleTimeout: '2h', memory: '512m', pids: 99, cpuShares: 512 };
    const answer = await mcp.call('update_session', request);
    expect([answer.isError, answer.structured['sessionId']]).toEqual([false, sessionId]);
    expect(answer.text).toMatch(/lifetime: 1h, until .+ -> 3h, until /);
    expect(answer.text).toMatch(/memory: 256 MiB -> 512 MiB/);
    expect(answer.text).toMatch(/deadline is enforced \(process 1 says/);
    const shown = await view(sessionId);
    expect(shown).toMatchObject({ idleTimeoutMs: 2 * hourMs, limits: { memoryBytes: 512 * 1024 ** 2, pids: 99 } });
    expect(shown.endsInMs).toBeGreaterThan(2.5 * hourMs);
    expect(shown.enforcement.controls.find(({ id }) => id === 'deadline')?.kernel).toContain('process 1 says');
    const [listed] = (await mcp.call('list_sessions')).structured['sessions'] as View[];
    expect(listed).toMatchObject({ limits: shown.limits, idleTimeoutMs: shown.idleTimeoutMs });
    const inspected = document(await paddock(place, ['inspect', '--json', sessionId]));
    expect(inspected).toMatchObject({ spec: { lifetimeMs: 3 * hourMs, limits: { pids: 99, cpuShares: 512 } } });
    const lines = (await place.audit()).filter(({ action }) => action === 'session.update');
    expect(lines.map(({ phase, session, result }) => [phase, session, result])).toEqual([
      ['intent', sessionId, undefined],
      ['outcome', sessionId, 'ok'],
    ]);
    expect(lines[1]?.details).toMatchObject({ pids: 99, lifetimeMs: 3 * hourMs });
  });

  it('gets them from a person too, while an assistant uses it, who sees them', async () => {
    const sessionId = await mcp.create();
    const running = await mcp.call('execute_command', { sessionId, argv: ['sleep', '600'], background: true });
    expect(running.isError).toBe(false);
    const done = await paddock(place, ['update', sessionId, '--ends-in', '9h', '--pids', '77']);
    expect([done.status, done.stderr]).toEqual([0, '']);
    const shown = await view(sessionId);
    expect(shown.limits.pids).toBe(77);
    expect(shown.endsInMs).toBeGreaterThan(8.9 * hourMs);
    await mcp.call('destroy_session', { sessionId });
  });

  it.each([
    ['a lifetime above the ceiling', { lifetime: '25h' }, 'POLICY_DENIED', 'lifetime.ceiling'],
    ['nothing', {}, 'POLICY_DENIED', 'request.invalid'],
    ['two ends', { lifetime: '2h', endsIn: '1h' }, 'POLICY_DENIED', 'request.conflict'],
    ['what can not be changed', { network: 'open' }, 'BAD_ARGUMENT', undefined],
  ])('is not changed by %s', async (_what, request, code, ruleId) => {
    const sessionId = await mcp.create();
    const before = await view(sessionId);
    const answer = await mcp.call('update_session', { sessionId, ...request });
    expect([answer.isError, answer.code, answer.ruleId]).toEqual([true, code, ruleId]);
    expect((await view(sessionId)).limits).toEqual(before.limits);
    await mcp.call('destroy_session', { sessionId });
  });

  it('that is not there can not be changed', async () => {
    const answer = await mcp.call('update_session', { sessionId: 'pdk_aaaaaaaaaaaaaaaaaaaaaaaaaa', pids: 99 });
    expect(answer.code).toBe('NO_SUCH_SESSION');
  });
});
