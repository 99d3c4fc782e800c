import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { seccompProfiles } from '../../../../../src/confine/seccomp/profile.js';
import type { SeccompVariant } from '../../../../../src/core/spec.js';

interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly { index: number; value: number; valueTwo?: number; op: string }[] | null;
  readonly includes?: { caps?: string[]; arches?: string[] } | null;
  readonly excludes?: { caps?: string[]; arches?: string[] } | null;
}

interface Profile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly archMap: readonly { architecture: string; subArchitectures: readonly string[] | null }[];
  readonly syscalls: readonly Rule[];
}

/** What a filter does with a call: lets it through, refuses it with an errno, or both, by its arguments. */
export type Answer = 'allow' | number;

/** A profile as an engine makes a filter of it, for a container without capabilities on x86-64 or arm64. */
export class Filter {
  readonly profile: Profile;
  readonly #rules: readonly Rule[];

  constructor(json: string, processor: 'amd64' | 'arm64' = 'amd64') {
    this.profile = JSON.parse(json) as Profile;
    const counts = ({ includes, excludes }: Rule) =>
      (includes?.caps ?? []).length === 0 &&
      (includes?.arches?.includes(processor) ?? true) &&
      excludes?.arches?.includes(processor) !== true;
    this.#rules = this.profile.syscalls.filter(counts);
  }

  get otherwise(): Answer {
    return this.profile.defaultErrnoRet ?? 1;
  }

  get names(): ReadonlySet<string> {
    return new Set(this.profile.syscalls.flatMap(({ names }) => names));
  }

  /** Every answer that rules without a condition on arguments, or whose conditions all hold, give to a call; the default when none does. */
  answers(call: string, args: readonly bigint[] = []): readonly Answer[] {
    const matching = this.#rules.filter((rule) => rule.names.includes(call) && holds(rule, args));
    const given = [...new Set(matching.map(({ action, errnoRet }) => answer(action, errnoRet)))];
    return given.length === 0 ? [this.otherwise] : given;
  }

  /** `allow` or an errno where no argument counts; `by argument` otherwise. */
  verdict(call: string): Answer | 'by argument' {
    const rules = this.#rules.filter(({ names }) => names.includes(call));
    const plain = rules.find(({ args }) => (args ?? []).length === 0);
    if (plain !== undefined) return answer(plain.action, plain.errnoRet);
    return rules.length === 0 ? this.otherwise : 'by argument';
  }
}

function answer(action: string, errno = 1): Answer {
  return action === 'SCMP_ACT_ALLOW' ? 'allow' : errno;
}

function holds({ args }: Rule, values: readonly bigint[]): boolean {
  return (args ?? []).every(({ index, value, valueTwo, op }) => {
    const actual = BigInt.asUintN(64, values[index] ?? 0n);
    if (op === 'SCMP_CMP_EQ') return actual === BigInt(value);
    if (op === 'SCMP_CMP_NE') return actual !== BigInt(value);
    if (op === 'SCMP_CMP_GT') return actual > BigInt(value);
    if (op === 'SCMP_CMP_LT') return actual < BigInt(value);
    if (op === 'SCMP_CMP_MASKED_EQ') return (actual & BigInt(value)) === BigInt(valueTwo ?? 0);
    throw new Error(`a comparison that nobody thought of: ${op}`);
  });
}

export function ours(variant: SeccompVariant, processor?: 'amd64' | 'arm64'): Filter {
  const profile = seccompProfiles().find((one) => one.variant === variant);
  if (profile === undefined) throw new Error(`no profile ${variant}`);
  return new Filter(profile.json, processor);
}

/** Default profiles of the engines: moby/profiles cd3bed8 (2026-06-30), and those that Podman 4.3.1 and 5.4.2 of Debian bring. */
export const engineNames = ['docker', 'podman-4.3', 'podman-5.4'] as const;

export function engineDefault(name: (typeof engineNames)[number], processor?: 'amd64' | 'arm64'): Filter {
  return new Filter(readFileSync(join(import.meta.dirname, '..', 'golden', `${name}.json`), 'utf8'), processor);
}
