import { describe, expect, it } from 'vitest';
import { changesLine, type RunChanges } from '../../../src/cli/run-changes.js';

const counts = (some: Partial<Exclude<RunChanges, { unknown: string }>>) => ({
  ...{ total: 0, added: 0, modified: 0, deleted: 0, renamed: 0, mode: 0, isComplete: true },
  ...some,
});

describe('the line about what a command has changed', () => {
  it('counts it, and says what becomes of it', () => {
    const some = counts({ total: 3, added: 1, deleted: 2 });
    expect(changesLine(some, 'pdk_x', false)).toBe(
      'the command has changed the workspace (1 added, 2 deleted), not kept: --keep does that',
    );
    expect(changesLine(some, 'pdk_x', true)).toContain('kept: `paddock changes pdk_x`');
  });

  it('is not there where nothing was changed, and is where that can not be told', () => {
    expect(changesLine(counts({}), 'pdk_x', true)).toBeUndefined();
    expect(changesLine(counts({ isComplete: false }), 'pdk_x', true)).toContain('(and more that was not looked at)');
    expect(changesLine({ unknown: 'INIT_MISSING' }, 'pdk_x', false)).toContain('could not be looked at (INIT_MISSING)');
  });
});
