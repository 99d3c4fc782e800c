import { describe, expect, it } from 'vitest';
import { builtInPolicy } from '../../../src/config/built-in-policy.js';
import type { SeccompVariant } from '../../../src/core/spec.js';
import { hostChecks } from '../../../src/doctor/host-checks.js';
import { engineIllnesses } from './support/engine-illnesses.js';
import { findings, hostWith, illFinding, wellProfile } from './support/host.js';
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

it('believes what systemd was delegated when the engine itself runs in a cgroup with less', async () => {
  const delegated = '/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers';
  const info = { cgroupControllers: ['memory', 'pids'], cpuLimit: false };
  const host = hostWith({ info, texts: { [delegated]: 'cpu memory pids\n' } });
  const found = await checkOf('cgroups').run(host, new AbortController().signal);
  expect(found).toMatchObject({
    status: 'pass',
    evidence: expect.stringContaining('engine: cpu memory pids') as string,
  });
});

it('says what is left in clear of what is kept encrypted', async () => {
  const { stateDir } = hostWith().paths;
  const quiet = { removed: [], kept: [], pending: [], foreign: [], unreadable: [], isDryRun: true };
  const stale = () => Promise.resolve({ ...quiet, files: [`${stateDir}/opened/1-1-a`, `${stateDir}/opened-not`] });
  const [, left] = await findings(checkOf('stale-sessions'), { ctx: { stale } });
  const evidence = `1 opened by processes that are gone, in ${stateDir}/opened`;
  expect(left).toMatchObject({ part: 'in-clear', status: 'warn', evidence, remedy: 'paddock prune' });
});

it('asks for the AppArmor profile of nested sessions where there can be such, and only there', async () => {
  const nestedAppArmor = () => Promise.resolve({ ...wellProfile, mode: undefined });
  const found = async (seccomp: readonly SeccompVariant[]) => {
    const sitePolicy = { ...builtInPolicy('/home/ada'), seccomp };
    const all = await findings(checkOf('apparmor-profile'), { ctx: { sitePolicy, nestedAppArmor } });
    return all.map(({ part, status }) => [part, status]);
  };
  expect(await found(['debug'])).toEqual([[undefined, 'pass']]);
  const both = [
    [undefined, 'pass'],
    ['nested', 'warn'],
  ];
  expect(await found(['debug', 'nested'])).toEqual(both);
});

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
