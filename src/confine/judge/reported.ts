import type { ControlEvidence, ControlId } from '../../core/evidence.js';
import { initialUserNamespace, type NamespaceKind } from '../../kit/proc/namespaces.js';
import { safeLine } from '../../kit/safe-text.js';
import type { Observation } from '../observation.js';
import type { EvidenceRequest } from '../request.js';
import { initName } from '../seccomp/profile.js';
import { control, type Judge, unreadable } from './control.js';

/** The namespaces every Linux starts with, as far as they have fixed numbers: proc_ns.h of the kernel. */
const first: Partial<Record<NamespaceKind, string>> = {
  cgroup: 'cgroup:[4026531835]',
  pid: 'pid:[4026531836]',
  uts: 'uts:[4026531838]',
  ipc: 'ipc:[4026531839]',
};
const kinds = ['pid', 'ipc', 'uts', 'mnt', 'cgroup', 'net'] as const;

/**
 * What an outsider tells by looking at the engine's processes as well, told by what process 1 shows alone. Where that does not suffice the
 * answer is `unknown`.
 */
export const reportedJudges: Partial<Record<ControlId, Judge>> = {
  rootless: ({ namespaces, inside, status }) => {
    const asked = 'no id inside is root on the host';
    const { rootUid, overflowUid } = inside ?? {};
    if (namespaces.user === undefined || rootUid === undefined || !Number.isSafeInteger(overflowUid) || !status?.uids)
      return unreadable('rootless', asked, undefined, 'who owns /proc/sys, or the user namespace');
    // An owner whom nobody inside is, is shown as the overflow id. Only root could map itself to that very number.
    const isMapped = rootUid !== overflowUid || status.uids.includes(overflowUid);
    const kernel = `the host's root is shown as ${rootUid}`;
    if (!isMapped && namespaces.user !== initialUserNamespace)
      return control('rootless', { asked, kernel }, 'enforced');
    const note = 'Use a rootless engine: `systemctl --user enable --now podman.socket`.';
    return control('rootless', { asked, kernel }, 'absent', note);
  },
  'user-namespace': ({ namespaces, ownNamespaces }, { engineKind }) => {
    const asked = 'of its own';
    const isShared = namespaces.user === ownNamespaces.user;
    const note = `Whether the engine and its other containers are in it can't be seen from within${engineKind === 'docker' ? '; with Docker they are' : ''}.`;
    if (namespaces.user === undefined || !isShared) return control('user-namespace', { asked }, 'unknown', note);
    return control('user-namespace', { asked, kernel: "the server's" }, 'degraded', 'Use Podman for one of its own.');
  },
  user: ({ inside, status, gidMap }) => {
    const asked = 'one id inside is the server’s user';
    const { ownUid, overflowUid } = inside ?? {};
    if (ownUid === undefined || status?.uids === undefined || status.groups === undefined || gidMap === undefined)
      return unreadable('user', asked, undefined, 'whose files the server’s are inside');
    const kernel = `runs as ${status.uids.join('/')} inside; the server's files belong to ${ownUid}`;
    if (ownUid === overflowUid || status.uids.some((uid) => uid !== ownUid))
      return control('user', { asked, kernel }, 'degraded', 'Files made inside will not all belong to the caller.');
    const foreign = status.groups.filter((group) => group === overflowUid);
    if (foreign.length === 0) return control('user', { asked, kernel }, 'enforced');
    return control('user', { asked, kernel }, 'degraded', 'Groups of the host are kept inside.');
  },
  seccomp: ({ status }, { seccomp }) => {
    const asked = `${seccomp.variant} (${seccomp.fingerprint})`;
    if (status?.seccompMode === undefined) return unreadable('seccomp', asked, undefined, '/proc/1/status');
    // Process 1 has asked its filter, and whichever put it there, it is the one that was asked for.
    const isOurs = status.name === initName(seccomp.fingerprint);
    const kernel = `mode ${status.seccompMode}, ${isOurs ? seccomp.fingerprint : 'not ours'}`;
    if (status.seccompMode !== 2)
      return control('seccomp', { asked, kernel }, 'absent', 'Use an engine with libseccomp.');
    if (isOurs) return control('seccomp', { asked, kernel }, 'enforced');
    return control('seccomp', { asked, kernel }, 'degraded', 'It does not answer as the filter that was asked for.');
  },
  namespaces: judgeNamespaces,
  network: judgeNetwork,
};

function judgeNamespaces({ namespaces, ownNamespaces, status }: Observation): ControlEvidence {
  const asked = `own ${kinds.join(' ')}`;
  const unread = kinds.filter((kind) => namespaces[kind] === undefined || ownNamespaces[kind] === undefined);
  if (unread.length > 0) return unreadable('namespaces', asked, undefined, unread.join(' '));
  const isFirst = (kind: NamespaceKind) => namespaces[kind] === first[kind];
  const shared = kinds.filter((kind) => namespaces[kind] === ownNamespaces[kind] || isFirst(kind));
  if (shared.length > 0) {
    const note = 'The sandbox sees or reaches what it shares with the server, or with the host.';
    return control('namespaces', { asked, kernel: `shared: ${shared.join(' ')}` }, 'degraded', note);
  }
  if (status?.nsPids?.at(-1) !== 1)
    return control('namespaces', { asked, kernel: 'not process 1' }, 'degraded', 'Its pid namespace has another init.');
  return control('namespaces', { asked, kernel: "none is the server's or the host's first" }, 'enforced');
}

function judgeNetwork(
  { namespaces, ownNamespaces, interfaces }: Observation,
  request: EvidenceRequest,
): ControlEvidence {
  const { claims, spec } = request;
  const asked = spec.network;
  const engine = claims.networkMode === undefined ? undefined : safeLine(claims.networkMode, 60);
  const { net } = namespaces;
  if (interfaces === undefined || net === undefined || ownNamespaces.net === undefined)
    return unreadable('network', asked, engine, '/proc/1/net/dev');
  const kernel = interfaces.map((name) => safeLine(name, 20)).join(' ') || 'no device';
  if (spec.network === 'open') {
    const note = 'Who joins it to the host’s network can’t be seen from within.';
    return control('network', { asked, engine, kernel }, 'unknown', note);
  }
  const isClosed = interfaces.every((name) => name === 'lo') && net !== ownNamespaces.net;
  if (isClosed) return control('network', { asked, engine, kernel }, 'enforced');
  const note = 'There is a network device besides the loopback, or the network is the server’s.';
  return control('network', { asked, engine, kernel }, 'absent', note);
}

const limits: readonly ControlId[] = ['memory', 'swap', 'cpu', 'cpu-weight', 'pids'];

/** A verdict as it counts where only process 1 could be asked, and says so. */
export function asReported(row: ControlEvidence): ControlEvidence {
  const isAbove = limits.includes(row.id) && row.status !== 'enforced';
  const kernel = row.kernel === '-' ? row.kernel : `process 1 says: ${row.kernel}`;
  if (!isAbove) return { ...row, kernel };
  const note = 'The cgroups above the one that the sandbox sees can’t be looked at from a container.';
  return { ...row, kernel, status: 'unknown', note };
}
