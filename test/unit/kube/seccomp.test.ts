import { describe, expect, it } from 'vitest';
import { seccompProfiles } from '../../../src/confine/seccomp/profile.js';
import { runtimeSeccomp } from '../../../src/kube/seccomp.js';

interface Rule {
  readonly names: readonly string[];
  readonly includes?: { readonly arches: readonly string[] };
}

describe.each(seccompProfiles())('the filter $variant for a node', ({ json }) => {
  const rules = (JSON.parse(json) as { syscalls: Rule[] }).syscalls;

  it.each(['amd64', 'arm64'] as const)(
    'holds on %s what an engine is given there, and for no other machine',
    (machine) => {
      const made = runtimeSeccomp(json, machine);
      const meant = rules.filter(({ includes }) => includes === undefined || includes.arches.includes(machine));
      expect(made.syscalls).toEqual(
        meant.map((rule) => JSON.parse(JSON.stringify({ ...rule, includes: undefined })) as unknown),
      );
      expect(made).toMatchObject({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 38 });
      expect(made.architectures).toHaveLength(1);
    },
  );
});

describe('a filter of an unknown shape', () => {
  it('is not handed over', () => {
    const odd = { defaultAction: 'SCMP_ACT_ERRNO', archMap: [], syscalls: [], flags: ['SECCOMP_FILTER_FLAG_LOG'] };
    expect(() => runtimeSeccomp(JSON.stringify(odd), 'amd64')).toThrow();
    const excluding = {
      ...odd,
      flags: undefined,
      syscalls: [{ names: ['bpf'], action: 'SCMP_ACT_ALLOW', excludes: {} }],
    };
    expect(() => runtimeSeccomp(JSON.stringify(excluding), 'amd64')).toThrow();
  });
});
