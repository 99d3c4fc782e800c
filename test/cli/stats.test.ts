import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { McpClient } from '../e2e/support/client.js';
import { leftOvers } from '../e2e/support/left-overs.js';
import { document, finished, paddock, startPaddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { OnTerminal } from '../e2e/support/terminal.js';
import { engineKinds } from '../engine/support/engines.js';

const mib = 1024 ** 2;

interface Shown {
  readonly sessionId: string;
  readonly usage?: { readonly memoryBytes?: number; readonly cpuMillis?: number; readonly pids?: number };
  readonly trends?: Record<string, { readonly memoryBytes?: { readonly max: number } }>;
}

async function shown(place: Place, ...args: string[]): Promise<readonly Shown[]> {
  return document(await paddock(place, ['stats', '--json', ...args]))['sessions'] as Shown[];
}

/** Takes 64 MiB and a processor until it is ended. */
const busy = 'x=$(head -c 67108864 /dev/zero | tr "\\0" a); while :; do :; done';

it('paddock stats refuses what can’t be', async () => {
  await using place = await Place.make();
  expect((await paddock(place, ['stats', '--json', '--watch'])).status).toBe(2);
  expect((await paddock(place, ['stats', 'ses_none'])).status).toBe(6);
  const none = await paddock(place, ['stats']);
  expect(none.stdout.toString()).toMatch(/^no sessions\nhost: load [\d.]+ on \d+ processors, .* memory free/);
});

describe.each(engineKinds)('paddock stats on %s', (kind) => {
  it('shows what a server’s session uses, from another process, and the trends that the server knows', async () => {
    await using place = await Place.make(kind);
    await using client = await McpClient.start(place);
    const sessionId = await client.create({ workspace: 'none', memory: '256m' });
    await client.call('execute_command', { sessionId, command: busy, background: true });
    await vi.waitFor(
      async () => {
        const [one] = await shown(place, sessionId);
        expect(one?.usage?.memoryBytes).toBeGreaterThan(60 * mib);
        expect(one?.usage?.cpuMillis).toBeGreaterThan(100);
        expect(one?.usage?.pids).toBeGreaterThanOrEqual(2);
        expect(one?.trends?.['1m']?.memoryBytes?.max).toBeGreaterThan(60 * mib);
      },
      { timeout: 30_000, interval: 500 },
    );
    const text = (await paddock(place, ['stats'])).stdout.toString();
    expect(text).toMatch(new RegExp(`^${sessionId} +running +[\\d.]+ MiB / 256 MiB +\\[#+\\.+\\] +`, 'm'));
    const inspected = document(await paddock(place, ['inspect', '--json', sessionId]));
    expect(inspected).toMatchObject({
      usage: { memoryBytes: expect.any(Number) },
      trends: { '5m': expect.anything() },
    });
    const { structured } = await client.call('get_session', { sessionId });
    expect(structured).toMatchObject({ usage: { pids: expect.any(Number) }, trends: { '15m': expect.anything() } });
  });

  it('watches until it is interrupted, in one place on a terminal and in rows elsewhere', async () => {
    await using place = await Place.make(kind);
    const id = document(await paddock(place, ['create', '--json', '--workspace', 'none']))['sessionId'] as string;
    const rows = startPaddock(place, ['stats', '--watch']);
    const end = finished(rows);
    const [first] = (await once(rows.stdout ?? rows, 'data')) as [Buffer];
    expect(first.toString()).toMatch(/^SESSION +STATE/);
    rows.kill('SIGINT');
    const { status, stdout } = await end;
    expect([status, stdout.toString().includes('\u001b')]).toEqual([0, false]);
    await using terminal = OnTerminal.start(place, ['stats', '--watch', id]);
    await terminal.see(
      new RegExp(`\u001b\\[HSESSION[^\u001b]*\u001b\\[K\\s+${id} +running[^]*\u001b\\[HSESSION[^]*${id} +running`),
    );
    // It ends with the session that it was to watch.
    expect((await paddock(place, ['rm', id])).status).toBe(0);
    expect(await terminal.end()).toMatchObject({ status: 0 });
    expect(await leftOvers(place, [kind])).toEqual([]);
  });
});
