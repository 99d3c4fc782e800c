import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { McpClient } from '../e2e/support/client.js';
import { paddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';

const mib = 1024 ** 2;
const flood =
  'i=0; while :; do i=$((i+1)); dd if=/dev/zero of=/workspace/f$i bs=1M count=1 2>/dev/null; sleep 0.05; done';

it('a session that has written too much says so, refuses commands with its rule, and takes them again when there is room', async () => {
  await using place = await Place.make('podman');
  await using mcp = await McpClient.start(place);
  const sessionId = await mcp.create({ projectPath: place.project, workspace: 'rw', disk: '16m' });
  const before = await mcp.call('get_session', { sessionId });
  expect(before.structured['disk']).toMatchObject({ usedBytes: 0, limitBytes: 16 * 1024 ** 2 });

  const run = await mcp.call('execute_command', { sessionId, command: flood });
  expect(run.structured).toMatchObject({ reason: 'disk-limit', exitCode: 137 });
  expect(run.text).toMatch(/of 16 MiB.*\(disk\.limit\)/);
  const refused = await mcp.call('execute_command', { sessionId, argv: ['true'] });
  expect(refused).toMatchObject({ isError: true, code: 'LIMIT_REACHED', ruleId: 'disk.limit' });
  const full = await mcp.call('get_session', { sessionId });
  expect((full.structured['disk'] as { usedBytes: number }).usedBytes).toBeGreaterThanOrEqual(16 * 1024 ** 2);

  for (const name of await readdir(place.project)) await rm(join(place.project, name), { recursive: true });
  const again = await mcp.call('execute_command', { sessionId, argv: ['true'] });
  expect(again.structured).toMatchObject({ reason: 'exited', exitCode: 0 });
  const asked = await mcp.call('create_session', { workspace: 'none', disk: '5000t' });
  expect(asked).toMatchObject({ isError: true, code: 'POLICY_DENIED', ruleId: 'disk.ceiling' });
});

it('a session at its limit goes on when it is given a larger disk, by its server or from a shell, and never less than it has', async () => {
  await using place = await Place.make('podman');
  await using mcp = await McpClient.start(place);
  const sessionId = await mcp.create({ projectPath: place.project, workspace: 'rw', disk: '16m' });
  const run = await mcp.call('execute_command', { sessionId, command: flood });
  expect(run.structured).toMatchObject({ reason: 'disk-limit' });
  const done = await paddock(place, ['update', sessionId, '--disk', '5g']);
  expect([done.status, done.stderr]).toEqual([0, '']);
  expect(done.stdout.toString()).toContain('disk: 16 MiB -> 5 GiB\n');
  const again = await mcp.call('execute_command', { sessionId, argv: ['true'] });
  expect(again.structured).toMatchObject({ reason: 'exited', exitCode: 0 });
  const shown = await mcp.call('get_session', { sessionId });
  expect(shown.structured['disk']).toMatchObject({ limitBytes: 5 * 1024 * mib });
  const less = await mcp.call('update_session', { sessionId, disk: '8m' });
  expect(less).toMatchObject({ isError: true, code: 'POLICY_DENIED', ruleId: 'disk.in-use' });
  const enough = await mcp.call('update_session', { sessionId, disk: '4g' });
  expect(enough.structured).toMatchObject({ limits: { diskBytes: 4096 * mib }, changes: [{ what: 'disk' }] });
});
