import { constants } from 'node:os';

/** Shells and engines report death by signal n as 128 + n; `exit 137` looks the same. */
export function signalOfExitCode(exitCode: number): string | undefined {
  return signalNameOf(exitCode - 128);
}

export function signalNameOf(number: number): string | undefined {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
}
