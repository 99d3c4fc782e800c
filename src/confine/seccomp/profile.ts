import { createHash } from 'node:crypto';
import { type SeccompVariant, seccompVariants } from '../../core/spec.js';
import { allowedGroups } from './allowed.js';
import { argumentRules } from './by-argument.js';
import { refusedGroups } from './refused.js';
import { type ArgumentRule, type Condition, type ErrnoName, errnos } from './rule.js';
import { openings } from './variants.js';

/** One rule in the words that Docker and Podman share (the fields of moby/profiles' Syscall). */
interface EngineRule {
  readonly names: readonly string[];
  readonly action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO';
  readonly errnoRet?: number;
  readonly args?: readonly EngineCondition[];
  readonly includes?: { readonly arches: readonly string[] };
}

interface EngineCondition {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: 'SCMP_CMP_EQ' | 'SCMP_CMP_GT' | 'SCMP_CMP_MASKED_EQ';
}

/** A profile as an engine gets it, and by what process 1 can tell that it is in force. */
export interface SeccompProfile {
  readonly variant: SeccompVariant;
  readonly json: string;
  /** Eight hexadecimal digits of the digest of all of it but the rules that tell them. */
  readonly fingerprint: string;
}

/**
 * What a filter says of itself (src/init/filter.c asks): operation `operation + N` of keyctl, which no kernel knows, fails with `errno +` the N-th byte
 * of the fingerprint, and those errnos are no kernel's.
 */
export const canary = { call: 'keyctl', operation: 0x70646b00, errno: 1024, bytes: 4 } as const;

/** The name that process 1 takes when its filter has said that it is this one; a name holds fifteen characters. */
export function initName(fingerprint: string): string {
  return `init-${fingerprint}`;
}

/** All profiles, the one way they are made. Pure. */
export function seccompProfiles(): readonly SeccompProfile[] {
  return seccompVariants.map((variant) => {
    const rules = rulesOf(variant);
    const rest = {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: errnos.ENOSYS,
      // Native calls only: the kernel ends a program that makes one of the 32-bit or x32 interface.
      archMap: [
        { architecture: 'SCMP_ARCH_X86_64', subArchitectures: [] },
        { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: [] },
      ],
    };
    const fingerprint = createHash('sha256')
      .update(JSON.stringify({ ...rest, rules }))
      .digest('hex')
      .slice(0, 2 * canary.bytes);
    const profile = { ...rest, syscalls: [...rules, ...canaryRules(fingerprint)] };
    return { variant, json: `${JSON.stringify(profile)}\n`, fingerprint };
  });
}

function rulesOf(variant: SeccompVariant): readonly EngineRule[] {
  const opened = openings[variant].calls;
  const allowed = [...allowedGroups.flatMap(({ calls }) => calls), ...opened].toSorted();
  const refused = (errno: ErrnoName): EngineRule => ({
    names: refusedGroups
      .flatMap((group) => (group.errno === errno ? group.calls : []))
      .filter((call) => !opened.includes(call))
      .toSorted(),
    action: 'SCMP_ACT_ERRNO',
    errnoRet: errnos[errno],
  });
  return [
    { names: allowed, action: 'SCMP_ACT_ALLOW' },
    ...argumentRules.filter(({ only }) => only?.includes(variant) !== false).map(engineRule),
    refused('EPERM'),
    refused('ENOSYS'),
  ];
}

function engineRule({ call, when, result, processors }: ArgumentRule): EngineRule {
  return {
    names: [call],
    ...(result === 'allow' ? { action: 'SCMP_ACT_ALLOW' } : { action: 'SCMP_ACT_ERRNO', errnoRet: errnos[result] }),
    ...(when.length === 0 ? {} : { args: when.map(engineCondition) }),
    ...(processors === undefined ? {} : { includes: { arches: processors } }),
  };
}

function engineCondition(condition: Condition): EngineCondition {
  const { index, value } = condition;
  if (condition.is === 'masked') return { index, value: condition.mask, valueTwo: value, op: 'SCMP_CMP_MASKED_EQ' };
  return { index, value, op: condition.is === 'equal' ? 'SCMP_CMP_EQ' : 'SCMP_CMP_GT' };
}

function canaryRules(fingerprint: string): readonly EngineRule[] {
  return [...Buffer.from(fingerprint, 'hex')].map((byte, index) => ({
    names: [canary.call],
    action: 'SCMP_ACT_ERRNO',
    errnoRet: canary.errno + byte,
    args: [{ index: 0, value: canary.operation + index, op: 'SCMP_CMP_EQ' }],
  }));
}
