import { describe, expect, it } from 'vitest';
import { builtInPolicy } from '../../../src/config/built-in-policy.js';
import { decideKeep } from '../../../src/policy/snapshot-request.js';

const dayMs = 86_400_000;
const { ceilings } = builtInPolicy('/home/ada');
const of = (keepChangesMs: number) => ({ ceilings: { ...ceilings, keepChangesMs } });

describe('how long a snapshot is kept', () => {
  it('is as asked, and 30 days where nothing was', () => {
    expect(decideKeep(7 * dayMs, { ceilings })).toBe(7 * dayMs);
    expect(decideKeep(undefined, { ceilings })).toBe(30 * dayMs);
  });

  it('is no longer than the policy lets what sessions have changed be kept', () => {
    expect(() => decideKeep(7 * dayMs + 1, of(7 * dayMs))).toThrow(
      expect.objectContaining({
        code: 'POLICY_DENIED',
        info: expect.objectContaining({ ruleId: 'changes.keep-ceiling' }),
      }),
    );
    expect(decideKeep(7 * dayMs, of(7 * dayMs))).toBe(7 * dayMs);
    expect(decideKeep(undefined, of(7 * dayMs))).toBe(7 * dayMs);
  });
});
