import type { ControlEvidence } from '../../core/evidence.js';
import { safeLine } from '../../kit/safe-text.js';
import { control, type Judge, unreadable } from './control.js';
import { judgeOpenNetwork } from './open-network.js';

const kinds = ['pid', 'ipc', 'uts', 'mnt', 'cgroup', 'net'] as const;

/** Every namespace differs from ours and from that of the process that started the container. */
export const judgeNamespaces: Judge = (seen) => {
  const asked = `own ${kinds.join(' ')}`;
  const { namespaces, ownNamespaces, parentNamespaces, status } = seen;
  const unread = kinds.filter((kind) => namespaces[kind] === undefined || ownNamespaces[kind] === undefined);
  const shared = kinds.filter(
    (kind) =>
      namespaces[kind] !== undefined &&
      (namespaces[kind] === ownNamespaces[kind] || namespaces[kind] === parentNamespaces[kind]),
  );
  if (shared.length > 0) {
    const note = 'The sandbox sees or reaches host processes, IPC, mounts or networks through what it shares.';
    const status = shared.length === kinds.length ? 'absent' : 'degraded';
    return control('namespaces', { asked, kernel: `shared: ${shared.join(' ')}` }, status, note);
  }
  if (unread.length > 0 || parentNamespaces.pid === undefined) {
    return unreadable('namespaces', asked, undefined, unread.length > 0 ? unread.join(' ') : "the parent's namespaces");
  }
  if (status?.nsPids?.at(-1) !== 1) {
    return control('namespaces', { asked, kernel: 'not process 1' }, 'degraded', 'Its pid namespace has another init.');
  }
  return control('namespaces', { asked, kernel: 'all its own' }, 'enforced');
};

/** A network namespace of its own, and but for `open` with the loopback and nothing else. */
export const judgeNetwork: Judge = (seen, request) => {
  const { claims, spec } = request;
  const asked = spec.network;
  const engine = claims.networkMode === undefined ? undefined : safeLine(claims.networkMode, 60);
  const { interfaces } = seen;
  const net = seen.namespaces.net;
  const others = [seen.ownNamespaces.net, seen.parentNamespaces.net];
  if (interfaces === undefined || net === undefined || others.includes(undefined)) {
    return unreadable('network', asked, engine, '/proc/PID/net/dev');
  }
  const kernel = interfaces.map((name) => safeLine(name, 20)).join(' ') || 'no device';
  if (others.includes(net)) {
    const note = 'The sandbox is in a network of the host or the engine.';
    return control('network', { asked, engine, kernel: `shared: ${kernel}` }, 'absent', note);
  }
  if (spec.network === 'open') return judgeOpenNetwork(seen, request);
  const devices = interfaces.filter((name) => name !== 'lo');
  if (devices.length === 0) return control('network', { asked, engine, kernel }, 'enforced');
  return control('network', { asked, engine, kernel }, 'absent', 'There is a network device besides the loopback.');
};

/**
 * The same for one that process 1 was told later: its own answer over the channel, since its arguments show the first for ever.
 * `boottimeMs` is undefined when it has not answered.
 */
export function toldDeadline(lifetimeMs: number, boottimeMs: number | undefined): ControlEvidence {
  const asked = askedDeadline(lifetimeMs);
  if (boottimeMs === undefined) return unreadable('deadline', asked, undefined, "process 1's answer");
  return control(
    'deadline',
    { asked, kernel: `process 1 says: ends at ${boottimeMs} ms of CLOCK_BOOTTIME` },
    'enforced',
  );
}

function askedDeadline(lifetimeMs: number): string {
  return `${Math.round(lifetimeMs / 1000)} s, by process 1`;
}

/** Process 1 is our init with exactly the arguments that make it end at the deadline. */
export const judgeDeadline: Judge = (seen, { initArgv, spec }) => {
  const asked = askedDeadline(spec.lifetimeMs);
  if (seen.cmdline === undefined) return unreadable('deadline', asked, undefined, '/proc/PID/cmdline');
  const isOurs = seen.cmdline.length === initArgv.length && seen.cmdline.every((word, at) => word === initArgv[at]);
  const kernel = safeLine(seen.cmdline.join(' '), 120);
  if (isOurs && initArgv.length > 0) return control('deadline', { asked, kernel }, 'enforced');
  const note = 'Process 1 is not our init with its deadline, so nothing inside ends the sandbox in time.';
  return control('deadline', { asked, kernel }, 'absent', note);
};
