import { statSync } from 'node:fs';
import { join } from 'node:path';

export type Env = Readonly<Record<string, string | undefined>>;

/** A place where an engine may be: named by someone, then it must work, or one of the usual ones. */
export interface Candidate {
  readonly origin: string;
  readonly endpoint: string;
  readonly isExplicit: boolean;
}

/** The user's runtime folder: `XDG_RUNTIME_DIR`, or where logind puts it. */
export function runtimeFolder(env: Env, uid: number): string {
  const named = env['XDG_RUNTIME_DIR'];
  return named?.startsWith('/') === true ? named : `/run/user/${uid}`;
}

/** In the order in which they count. A named one hides all after it: what someone chose is not silently replaced. */
export function candidates(env: Env, uid: number, endpoint: string | undefined): readonly Candidate[] {
  const named: readonly (readonly [string, string | undefined])[] = [
    ['engine setting', endpoint],
    ['CONTAINER_HOST', env['CONTAINER_HOST']],
    ['DOCKER_HOST', env['DOCKER_HOST']],
  ];
  for (const [origin, value] of named) {
    if (value !== undefined && value !== '') return [{ origin, endpoint: value, isExplicit: true }];
  }
  const runtime = runtimeFolder(env, uid);
  return [
    { origin: 'podman.sock', endpoint: join(runtime, 'podman', 'podman.sock'), isExplicit: false },
    { origin: 'docker.sock', endpoint: join(runtime, 'docker.sock'), isExplicit: false },
  ];
}

/** Sockets of rootful engines that exist here: named in errors, never opened. */
export function rootfulSockets(): readonly string[] {
  return ['/run/podman/podman.sock', '/var/run/docker.sock'].filter(
    (path) => statSync(path, { throwIfNoEntry: false })?.isSocket() === true,
  );
}
