import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ClientPlace } from '../e2e/support/client-place.js';
import { engineKinds } from '../engine/support/engines.js';

it.each(engineKinds)('a client tries several ways over one project that has to be copied, on %s', async (kind) => {
  await using opened = await ClientPlace.open(kind, { PADDOCK_COW: 'copy' });
  const { mcp, place } = opened;
  writeFileSync(join(place.project, 'old'), 'old\n');
  const first = await mcp.create({ projectPath: place.project, workspace: 'cow', keepChanges: false });
  const inside = async (sessionId: string, command: string) =>
    (await mcp.call('execute_command', { sessionId, command })).structured['stdout'];
  await inside(first, 'echo base >base; rm old');
  const taken = await mcp.call('snapshot_session', { sessionId: first, name: 'base' });
  expect(taken.structured).toMatchObject({ entries: 2, leftOut: 0 });
  const second = await mcp.create({ snapshot: 'base', keepChanges: false });
  await inside(first, 'echo first >way');
  const forked = await mcp.call('fork_session', { sessionId: first });
  const third = String(forked.structured['sessionId']);
  expect(forked.structured).toMatchObject({ workspace: 'cow (copy)', forkOf: first });
  expect(await inside(second, 'cat base; ls way old 2>&1 | wc -l')).toBe('base\n2\n');
  expect(await inside(third, 'cat base way; echo third >way; ls old 2>&1 | wc -l')).toBe('base\nfirst\n1\n');
  const compared = await mcp.call('compare_sessions', { a: first, b: third });
  expect(compared.structured).toMatchObject({
    differences: [{ path: 'way', a: 'added', b: 'added' }],
    ...{ differing: 1, alike: 2, isComplete: true },
  });
  const applied = await mcp.call('apply_changes', { sessionId: third, paths: ['way'] });
  expect(applied.isError, applied.text).toBe(false);
  for (const sessionId of [first, second, third]) await mcp.call('destroy_session', { sessionId });
});
