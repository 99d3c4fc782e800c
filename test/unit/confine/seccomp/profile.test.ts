import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allowedGroups } from '../../../../src/confine/seccomp/allowed.js';
import { argumentRules } from '../../../../src/confine/seccomp/by-argument.js';
import { canary, seccompProfiles } from '../../../../src/confine/seccomp/profile.js';
import { refusedGroups } from '../../../../src/confine/seccomp/refused.js';
import { openings } from '../../../../src/confine/seccomp/variants.js';
import { seccompVariants } from '../../../../src/core/spec.js';
import { engineDefault, engineNames, Filter, ours } from './support/filter.js';

const filters = { default: ours('default'), debug: ours('debug'), nested: ours('nested') };
const filter = filters.default;
const allowed = allowedGroups.flatMap(({ calls }) => calls);
const refused = refusedGroups.flatMap(({ calls }) => calls);
const twoBytes = fc.integer({ min: 0, max: 0xffff }).map(BigInt);
const register = fc.oneof(
  fc.integer({ min: 0, max: 50 }).map(BigInt),
  twoBytes,
  fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
);

describe('the seccomp profiles', () => {
  it('refuse with ENOSYS what they do not know, also where an engine does not know that default', () => {
    for (const { json } of seccompProfiles()) {
      expect(JSON.parse(json)).toMatchObject({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 38 });
    }
    expect(filter.answers('not_yet_invented')).toEqual([38]);
    for (const call of ['clone3', 'io_uring_setup']) expect(filter.verdict(call)).toBe(38);
  });

  it('end no program by a signal, but one that makes calls of another processor’s', () => {
    for (const { json } of seccompProfiles()) {
      const { profile } = new Filter(json);
      expect([...new Set(profile.syscalls.map(({ action }) => action))].toSorted()).toEqual([
        'SCMP_ACT_ALLOW',
        'SCMP_ACT_ERRNO',
      ]);
      expect(profile.archMap).toEqual([
        { architecture: 'SCMP_ARCH_X86_64', subArchitectures: [] },
        { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: [] },
      ]);
    }
  });

  it.each(['amd64', 'arm64'] as const)(
    'let nothing through on %s that an engine’s own default refuses',
    (processor) => {
      const own = ours('default', processor);
      const engines = [engineDefault('docker', processor), engineDefault('podman-5.4', processor)];
      const wider = [...own.names].filter(
        (call) => own.verdict(call) === 'allow' && engines.some((engine) => typeof engine.verdict(call) === 'number'),
      );
      expect(wider).toEqual([]);
    },
  );

  it('do so by argument, too: whatever is in the registers', () => {
    const calls = ['clone', 'personality', 'socket', 'socketpair', 'keyctl', 'arch_prctl'];
    const engines = (['docker', 'podman-5.4'] as const).map((name) => engineDefault(name));
    fc.assert(
      fc.property(fc.constantFrom(...calls), fc.tuple(register, register, register), (call, args) => {
        if (!filter.answers(call, args).includes('allow')) return;
        for (const engine of engines) expect(engine.answers(call, args)).toContain('allow');
      }),
      { numRuns: 500 },
    );
  });

  it('give no two answers to one call', () => {
    const calls = [...new Set(argumentRules.map(({ call }) => call)), canary.call];
    fc.assert(
      fc.property(
        fc.constantFrom(...seccompVariants),
        fc.constantFrom(...calls),
        fc.tuple(register, register, register),
        (variant, call, args) => {
          expect(filters[variant].answers(call, args)).toHaveLength(1);
        },
      ),
      { numRuns: 500 },
    );
    for (const variant of seccompVariants) {
      const { profile } = filters[variant];
      const plain = profile.syscalls.filter(({ args }) => args === undefined).flatMap(({ names }) => names);
      expect(plain.toSorted()).toEqual([...new Set(plain)].toSorted());
      const byArgument = profile.syscalls.filter(({ args }) => args !== undefined).flatMap(({ names }) => names);
      // libseccomp takes a rule without conditions for the whole of what a call may do.
      expect(byArgument.filter((call) => plain.includes(call))).toEqual([]);
    }
  });

  it('never look twice at one argument in a rule, which runc takes for alternatives', () => {
    for (const { when } of argumentRules) {
      expect(new Set(when.map(({ index }) => index)).size).toBe(when.length);
    }
  });

  it('open nothing when a library knows none of some names', () => {
    const names = [...filter.names];
    fc.assert(
      fc.property(fc.subarray(names), fc.constantFrom(...names), (unknown, call) => {
        const known = {
          ...filter.profile,
          syscalls: filter.profile.syscalls.map((rule) => ({
            ...rule,
            names: rule.names.filter((name) => !unknown.includes(name)),
          })),
        };
        const verdict = new Filter(JSON.stringify(known)).verdict(call);
        if (verdict === 'allow') expect(filter.verdict(call)).toBe('allow');
        if (verdict === 'by argument') expect(filter.verdict(call)).toBe('by argument');
      }),
      { numRuns: 50 },
    );
  });

  it('say of every call once what becomes of it, and give the reason', () => {
    const all = [...allowed, ...refused, ...new Set(argumentRules.map(({ call }) => call))];
    expect(all.toSorted()).toEqual([...new Set(all)].toSorted());
    for (const { why } of [...allowedGroups, ...argumentRules]) expect(why).toMatch(/\.$/);
    for (const { stops, breaks } of refusedGroups) expect([stops, breaks].every((text) => /\.$/.test(text))).toBe(true);
    // Nothing that an engine lets through was overlooked: 32-bit calls are no names of ours.
    const native = [...engineDefault('docker').names].filter(
      (call) => !/(32|64)$|^(_llseek|_newselect|mmap2)$/.test(call),
    );
    const forgotten = native.filter((call) => engineDefault('docker').verdict(call) === 'allow' && !all.includes(call));
    expect(forgotten).toEqual([
      ...['ipc', 'recv', 'riscv_hwprobe', 'send', 'sigprocmask', 'sigreturn', 'socketcall', 'ugetrlimit', 'waitpid'],
    ]);
  });

  it('refuse in the default what a variant opens, and open nothing else in it', () => {
    for (const variant of ['debug', 'nested'] as const) {
      const { calls } = openings[variant];
      expect(calls.filter((call) => filter.verdict(call) === 'allow')).toEqual([]);
      const more = [...filters[variant].names].filter(
        (call) => filters[variant].verdict(call) === 'allow' && filter.verdict(call) !== 'allow',
      );
      expect(more.toSorted()).toEqual([...calls, ...(variant === 'nested' ? ['clone'] : [])].toSorted());
    }
  });

  it.each([
    ['a process', 'clone', [0x1200011n], 'allow'],
    ['a user namespace', 'clone', [0x10000011n], 1],
    ['a mount namespace', 'clone', [0x20011n], 1],
    ['TCP', 'socket', [2n, 0x80801n, 0n], 'allow'],
    ['UDP over IPv6', 'socket', [10n, 2n, 17n], 'allow'],
    ['routes', 'socket', [16n, 3n, 0n], 'allow'],
    ['netfilter', 'socket', [16n, 3n, 12n], 93],
    ['raw', 'socket', [2n, 3n, 1n], 1],
    ['raw over IPv6, with flags', 'socket', [10n, 0x80003n, 58n], 1],
    ['ping', 'socket', [2n, 2n, 1n], 13],
    ['SCTP', 'socket', [2n, 1n, 132n], 93],
    ['MPTCP', 'socket', [2n, 1n, 262n], 93],
    ['AF_PACKET', 'socket', [17n, 3n, 0n], 97],
    ['AF_ALG', 'socket', [38n, 5n, 0n], 97],
    ['AF_VSOCK', 'socket', [40n, 1n, 0n], 97],
    ['AF_UNIX with a mark in the upper half', 'socket', [0x1_0000_0001n, 1n, 0n], 97],
    ['AF_X25, of the families between', 'socket', [9n, 5n, 0n], 97],
    ['a TIPC pair', 'socketpair', [30n, 1n, 0n], 97],
    ['switching address randomisation off', 'personality', [0x40000n], 38],
    ['asking for the personality', 'personality', [0xffffffffn], 'allow'],
    ['keys', 'keyctl', [0n], 38],
  ] as const)('answer to %s as they should', (_, call, args, expected) => {
    expect(filter.answers(call, args)).toEqual([expected]);
  });

  it('let gdb switch address randomisation off in `debug` only, and namespaces be made in `nested` only', () => {
    const answers = (call: string, arg: bigint) =>
      seccompVariants.map((variant) => filters[variant].answers(call, [arg])[0]);
    expect(answers('personality', 0x40000n)).toEqual([38, 'allow', 38]);
    expect(answers('clone', 0x10000011n)).toEqual([1, 1, 'allow']);
    expect(answers('clone3', 0n)).toEqual([38, 38, 38]);
  });

  it('tell each other apart: every filter answers for itself', () => {
    const said = seccompProfiles().map(({ json, fingerprint }) => {
      const asked = Array.from({ length: canary.bytes }, (_, at) => [BigInt(canary.operation + at)]);
      const answers = asked.map((args) => new Filter(json).answers(canary.call, args)[0]);
      const spelled = Buffer.from(answers.map((answer) => Number(answer) - canary.errno)).toString('hex');
      expect(spelled).toBe(fingerprint);
      return fingerprint;
    });
    expect(new Set(said).size).toBe(seccompVariants.length);
    for (const name of engineNames) {
      const theirs = engineDefault(name).answers(canary.call, [BigInt(canary.operation)]);
      expect(theirs.every((answer) => answer === 'allow' || answer < canary.errno)).toBe(true);
    }
  });
});
