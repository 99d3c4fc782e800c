import { describe, expect, it } from 'vitest';
import { leftOvers } from '../e2e/support/left-overs.js';
import { document, paddock, withoutNote } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { ownProfiles } from '../e2e/support/profiles.js';
import { engineKinds } from '../engine/support/engines.js';

describe.each(engineKinds)('--profile on %s', (kind) => {
  const inside = 'ulimit -n; df -k --output=size /tmp | tail -n 1 | tr -d " "';

  it('gives a run what the profile says, and what else stands on the command line stands over it', async () => {
    await using place = await Place.make(kind);
    const env = ownProfiles(place);
    const run = async (options: readonly string[], more: Record<string, string> = {}) => {
      const result = await paddock(place, ['run', ...options, '--', 'sh', '-c', inside], { env: { ...env, ...more } });
      expect([result.status, withoutNote(result.stderr)]).toEqual([0, '']);
      return result.stdout.toString().split('\n').slice(0, 2);
    };
    expect((await run([]))[0]).toBe('4096');
    expect(await run(['--profile', 'thrifty'])).toEqual(['1024', '131072']);
    expect(await run(['--profile', 'thrifty', '--tmp', '64m', '--nofile', '2000'])).toEqual(['2000', '65536']);
    // The profile is named closer to the command than these are.
    expect(await run(['--profile', 'thrifty'], { PADDOCK_NOFILE: '3000' })).toEqual(['1024', '131072']);
    expect(await run([], { PADDOCK_PROFILE: 'thrifty', PADDOCK_NOFILE: '3000' })).toEqual(['3000', '131072']);
    expect(await leftOvers(place, [kind])).toEqual([]);
  });

  it('stays with a session that outlives the command, for ps and inspect to show', async () => {
    await using place = await Place.make(kind);
    const env = ownProfiles(place);
    const made = document(await paddock(place, ['create', '--profile', 'debug', '--json'], { env }));
    expect(made).toMatchObject({
      profile: 'debug',
      enforcement: expect.arrayContaining([
        expect.objectContaining({ id: 'seccomp', asked: expect.stringContaining('debug ('), status: 'enforced' }),
      ]),
    });
    const id = made['sessionId'] as string;
    const listed = document(await paddock(place, ['ps', '--json'], { env }))['sessions'];
    expect(listed).toMatchObject([{ sessionId: id, profile: 'debug' }]);
    expect((await paddock(place, ['ps'], { env })).stdout.toString()).toMatch(/IMAGE +PROFILE.*\n.* host +debug /);
    expect((await paddock(place, ['inspect', id], { env })).stdout.toString()).toContain('profile: debug\n');
    await paddock(place, ['rm', id], { env });
    expect(await leftOvers(place, [kind])).toEqual([]);
  });

  it('is refused where the policy does not allow the filter of the profile', async () => {
    await using place = await Place.make(kind);
    const refused = await paddock(place, ['run', '--profile', 'nested', '--', 'true']);
    expect([refused.status, refused.stderr]).toEqual([125, expect.stringContaining('[rule seccomp.not-allowed]')]);
    expect(await place.recordFiles()).toEqual([]);
  });
});
