import { egressPorts } from '../../core/egress.js';
import { brokerEnvironment } from '../../policy/broker/decide.js';
import { withoutGitSettings } from '../../policy/broker/git-hosts.js';
import { proxyEnvironment } from '../../policy/egress/environment.js';
import type { CreateRequest } from '../../policy/request.js';
import { baseEnv } from '../../policy/surroundings.js';
import type { LayerNote } from '../../workspace/layer-note.js';
import type { SessionRecord } from '../record.js';

/**
 * A request for a session like another one: image, profile, limits, times and what it may reach as that has them, over the same project. What it had its broker for is
 * asked for apart (`SessionStart.likeOf`), since there may be no key for them here. Whose session is over has no
 * record any more: then what is asked for is a session by the defaults. Values of variables are in no record: `env` is what its holder knows.
 */
export function forkRequestOf(
  note: LayerNote,
  record: SessionRecord | undefined,
  env: Readonly<Record<string, string>> = {},
): CreateRequest {
  const base = { projectPath: note.project.source, workspace: 'cow' as const };
  if (record === undefined) return base;
  const { limits, image, mounts, labels, ...spec } = record.spec;
  const mcpMounts = mounts
    .filter(({ purpose }) => purpose === 'mcp')
    .map(({ hostPath, target, readOnly }) => ({ source: hostPath, target, readOnly }));
  return {
    ...base,
    ...(spec.profile === undefined ? {} : { profile: spec.profile }),
    ...(image.kind === 'host' ? { image: 'host', hostFolders: [...image.extraFolders] } : { image: image.reference }),
    ...(spec.seccomp === undefined ? {} : { seccomp: spec.seccomp }),
    memory: limits.memoryBytes,
    cpus: limits.cpuMillis / 1000,
    pids: limits.pids,
    ...(limits.diskBytes === undefined ? {} : { disk: limits.diskBytes }),
    lifetime: `${spec.lifetimeMs}ms`,
    ...(spec.idleTimeoutMs === undefined ? {} : { idleTimeout: `${spec.idleTimeoutMs}ms` }),
    ...(spec.timeoutMs === undefined ? {} : { timeout: `${spec.timeoutMs}ms` }),
    keepChanges: spec.keepChangesMs === undefined || spec.keepChangesMs === 0 ? false : `${spec.keepChangesMs}ms`,
    ...networkLike(spec),
    env: own(withoutGitSettings(env), { ...baseEnv(image.kind), ...waysOut(spec.routes) }),
    labels: { ...labels },
    workdir: spec.workdir,
    ...(mcpMounts.length === 0 ? {} : { mcpMounts }),
  };
}

/** Without ports: siblings would know the fork by a name that it does not have. */
function networkLike({ network, egress }: Pick<SessionRecord['spec'], 'network' | 'egress'>): CreateRequest {
  const asked = egress?.asked ?? egress?.allow;
  if (asked === undefined || (network === 'internal' && asked.length === 0)) return { network };
  return { network, allow: [...asked] };
}

/** By which programs find what listens inside: the fork has its own, or none. */
function waysOut(routes: readonly string[] | undefined): Readonly<Record<string, string>> {
  return { ...proxyEnvironment({ httpPort: egressPorts.http }), ...brokerEnvironment(routes ?? []) };
}

/** Without what every session has. */
function own(env: Readonly<Record<string, string>>, base: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name, value]) => base[name] !== value));
}
