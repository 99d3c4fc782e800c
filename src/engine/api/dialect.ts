import type { EngineKind } from '../types.js';

/** Which words an engine understands. */
export interface Dialect {
  readonly kind: EngineKind;
  /** Prefix of its own endpoints: libpod's, or the versioned Docker ones. */
  readonly root: string;
  /** Prefix of the Docker-compatible endpoints, which both have. */
  readonly compat: string;
}

/** Podman takes `/v4.0.0/libpod` since 4.0. Docker 29 may refuse versions below 1.44, Docker 20.10 those above 1.41. */
export function dialectOf(kind: EngineKind, apiVersion: string): Dialect {
  if (kind === 'podman') return { kind, root: '/v4.0.0/libpod', compat: '/v1.41' };
  const [major, minor] = apiVersion.split('.').map(Number);
  const isModern = (major ?? 0) > 1 || ((major ?? 0) === 1 && (minor ?? 0) >= 44);
  const version = isModern ? '/v1.44' : '/v1.41';
  return { kind, root: version, compat: version };
}
