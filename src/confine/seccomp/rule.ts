import type { SeccompVariant } from '../../core/spec.js';

/** Errnos that a refusal may carry (asm-generic/errno-base.h, errno.h): the same numbers on x86-64 and arm64. */
export const errnos = {
  EPERM: 1,
  EACCES: 13,
  ENOSYS: 38,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
} as const;
export type ErrnoName = keyof typeof errnos;

/** Calls that every sandbox may make, whatever their arguments. */
export interface AllowedGroup {
  readonly topic: string;
  readonly why: string;
  readonly calls: readonly string[];
}

/** Calls that are refused, unless a variant opens them. */
export interface RefusedGroup {
  readonly topic: string;
  /** ENOSYS where programs have a way without the call; EPERM where they say so to people and go on. */
  readonly errno: 'EPERM' | 'ENOSYS';
  /** The attack that this stops. */
  readonly stops: string;
  /** What works in other containers and does not here. */
  readonly breaks: string;
  readonly calls: readonly string[];
}

/** What the kernel compares: argument `index`, as 64 bits, whole or through a mask. */
export type Condition =
  | { readonly index: number; readonly is: 'equal' | 'above'; readonly value: number }
  | { readonly index: number; readonly is: 'masked'; readonly mask: number; readonly value: number };

export const equal = (index: number, value: number): Condition => ({ index, is: 'equal', value });
export const masked = (index: number, mask: number, value: number): Condition => ({ index, is: 'masked', mask, value });

/**
 * A call that is let through, or refused in its own way, by its arguments. Conditions are all to hold, and no two look at the same
 * argument: runc takes those for alternatives. What no rule of a call covers is ENOSYS, so a value that is compared as a whole
 * can't be slipped past in the upper half of a register.
 */
export interface ArgumentRule {
  readonly call: string;
  readonly when: readonly Condition[];
  readonly result: 'allow' | ErrnoName;
  readonly why: string;
  /** Variants that have it; absent: all. */
  readonly only?: readonly SeccompVariant[];
  /** Processors that have the call (Go's names); absent: all. */
  readonly processors?: readonly string[];
}

/** What a variant adds to the default. */
export interface Opening {
  readonly purpose: string;
  readonly risk: string;
  /** Of the refused calls, those it lets through. */
  readonly calls: readonly string[];
}
