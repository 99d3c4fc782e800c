import { describe, expect, it } from 'vitest';
import { hostChecks } from '../../../src/doctor/host-checks.js';
import { engineIllnesses } from './support/engine-illnesses.js';
import { findings, illFinding } from './support/host.js';
import { hostIllnesses } from './support/host-illnesses.js';

function checkOf(id: string) {
  const check = hostChecks.find((one) => one.id === id);
  if (check === undefined) throw new Error(`there is no check ${id}`);
  return check;
}

describe.each(hostChecks.map((check) => [check.id, check] as const))('the check %s', (_id, check) => {
  it('passes on a host where all is well, without a remedy', async () => {
    for (const finding of await findings(check)) {
      expect(finding).toMatchObject({ status: 'pass' });
      expect(finding.remedy).toBeUndefined();
    }
  });
});

const illnesses = [...engineIllnesses, ...hostIllnesses];

describe('the doctor finds and has a remedy when', () => {
  it.each(illnesses)('%s: %s', async (id, _what, illness, status, evidence, remedy) => {
    const finding = await illFinding(checkOf(id), illness);
    expect(finding.status).toBe(status);
    expect(finding.evidence).toMatch(evidence);
    expect(finding.remedy).toMatch(remedy);
  });

  it('covers every check but the one that only informs', () => {
    const covered = new Set(illnesses.map(([id]) => id));
    expect(hostChecks.map((check) => check.id).filter((id) => !covered.has(id))).toEqual(['tun']);
  });
});
