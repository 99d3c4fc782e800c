import { expect, it } from 'vitest';
import { stateOf } from '../../../src/cli/commands/ps.js';
import { readProcessIdentity } from '../../../src/kit/process-identity.js';
import { record } from '../session/support/records.js';

it.each(['attached', 'detached'] as const)(
  'a %s session is being made as long as whoever makes it lives',
  async (kind) => {
    const self = await readProcessIdentity();
    const unfinished = record({ kind, state: 'creating', ...(self && { owner: self }) });
    expect(await stateOf(unfinished)).toBe('creating');
    expect(await stateOf({ ...unfinished, owner: { ...unfinished.owner, startTimeTicks: 1 } })).toBe('orphaned');
  },
);
