import { readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { document, paddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';

const flood =
  'i=0; while :; do i=$((i+1)); dd if=/dev/zero of=/workspace/f$i bs=1M count=1 2>/dev/null; sleep 0.05; done';

describe('--disk', () => {
  it('ends a command that writes more, says why with numbers, and keeps what was written', async () => {
    await using place = await Place.make('podman');
    const flags = ['--project', place.project, '--workspace', 'rw', '--disk', '16m'];
    const result = await paddock(place, ['run', ...flags, '--', 'sh', '-c', flood]);
    expect(result.status).toBe(137);
    expect(result.stderr).toMatch(/killed at the limit of the disk: it has added .* of 16 MiB, .*\(disk\.limit\)/);
    expect((await readdir(place.project)).length).toBeGreaterThan(15);
  });

  it('holds in a session that others come into, whose added bytes inspect counts', async () => {
    await using place = await Place.make('podman');
    const flags = ['--project', place.project, '--workspace', 'rw', '--disk', '16m'];
    const made = document(await paddock(place, ['create', ...flags, '--json']));
    const id = String(made['sessionId']);
    const first = document(await paddock(place, ['exec', '--json', id, '--', 'sh', '-c', flood]));
    expect(first).toMatchObject({ reason: 'disk-limit', note: expect.stringContaining('disk.limit') as string });
    const next = await paddock(place, ['exec', id, '--', 'true']);
    expect([next.status, next.stderr]).toEqual([125, expect.stringContaining('disk.limit')]);
    const seen = document(await paddock(place, ['inspect', '--json', id]));
    expect(seen['disk']).toMatchObject({ limits: { bytes: 16 * 1024 ** 2 } });
    expect((seen['disk'] as { bytes: number }).bytes).toBeGreaterThanOrEqual(16 * 1024 ** 2);
    expect((await paddock(place, ['rm', id])).status).toBe(0);
  });

  it('refuses what is no size, and more than the site allows', async () => {
    await using place = await Place.make('podman');
    for (const [disk, rule] of [
      ['lots', 'limits.malformed'],
      ['5000t', 'disk.ceiling'],
    ] as const) {
      const result = await paddock(place, ['run', '--disk', disk, '--', 'true']);
      expect([disk, result.status]).toEqual([disk, 125]);
      expect(result.stderr).toContain(rule);
    }
  });
});
