import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { type SeccompProfile, seccompProfiles } from '../confine/seccomp/profile.js';
import { SandboxError } from '../core/errors.js';
import type { SandboxSpec, SeccompVariant } from '../core/spec.js';
import { putStaged } from './put-staged.js';

/** A profile, and where Podman finds it. */
export interface StagedSeccomp extends SeccompProfile {
  readonly path: string;
}

export type SeccompFiles = ReadonlyMap<SeccompVariant, StagedSeccomp>;

/**
 * Puts our system call filters into a folder of ours (0700, in the state folder, beside process 1): Podman's service reads a file, when a
 * container is created. Compared byte for byte each time, so that a changed one is replaced and never used. Errors: STATE_UNWRITABLE.
 */
export async function stageSeccomp(stateDir: string): Promise<SeccompFiles> {
  const folder = join(stateDir, 'bin');
  const staged = await Promise.all(
    seccompProfiles().map(async (profile) => {
      const path = join(folder, `seccomp-${profile.variant}-${profile.fingerprint}.json`);
      const present = await readFile(path, 'utf8').catch(() => undefined);
      if (present !== profile.json) await putStaged(path, profile.json, 0o444, 'a seccomp profile');
      return [profile.variant, { ...profile, path: await realpath(path) }] as const;
    }),
  );
  return new Map(staged);
}

export function seccompOf(files: SeccompFiles, { seccomp = 'default' }: Pick<SandboxSpec, 'seccomp'>): StagedSeccomp {
  const staged = files.get(seccomp);
  if (staged === undefined) throw new SandboxError('INTERNAL', `there is no seccomp profile ${seccomp}`);
  return staged;
}
