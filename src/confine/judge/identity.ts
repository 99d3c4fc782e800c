import { type IdRange, idsInside } from '../../kit/proc/id-map.js';
import { initialUserNamespace } from '../../kit/proc/namespaces.js';
import { safeLine } from '../../kit/safe-text.js';
import { control, type Judge, unreadable } from './control.js';

/** Nothing inside is root outside: a user namespace of a rootless engine, and no id that maps to 0. */
export const judgeRootless: Judge = (seen, { info }) => {
  const asked = 'no id inside is root on the host';
  const engine = info === undefined ? undefined : info.rootless ? 'rootless' : 'rootful';
  const { uidMap, namespaces, ownNamespaces, status } = seen;
  if (uidMap === undefined || namespaces.user === undefined || status?.uids === undefined) {
    return unreadable('rootless', asked, engine, 'the user namespace');
  }
  const kernel = describeMap(uidMap);
  const isRoot = idsInside(uidMap, 0).length > 0 || status.uids.includes(0);
  if (namespaces.user === initialUserNamespace || (isRoot && ownNamespaces.user === initialUserNamespace)) {
    const note = 'Use a rootless engine: `systemctl --user enable --now podman.socket`.';
    return control('rootless', { asked, engine, kernel }, 'absent', note);
  }
  if (isRoot) {
    const note = 'Paddock itself runs in a user namespace, so what id 0 is on the host can not be told from here.';
    return control('rootless', { asked, engine, kernel }, 'unknown', note);
  }
  return control('rootless', { asked, engine, kernel }, 'enforced');
};

/** A user namespace that no other sandbox and not the engine is in. */
export const judgeUserNamespace: Judge = (seen, { claims, engineKind }) => {
  const asked = 'of its own';
  const engine = claims.usernsMode === undefined ? undefined : safeLine(claims.usernsMode || 'default', 60);
  const inside = seen.namespaces.user;
  const parent = seen.parentNamespaces.user;
  const own = seen.ownNamespaces.user;
  if (inside === undefined || parent === undefined || own === undefined) {
    return unreadable('user-namespace', asked, engine, 'the user namespace');
  }
  if (inside === own || inside === initialUserNamespace) {
    return control('user-namespace', { asked, engine, kernel: 'the same as ours' }, 'absent', 'Use a rootless engine.');
  }
  if (inside === parent) {
    const note =
      engineKind === 'docker'
        ? "Rootless Docker puts every container into its daemon's user namespace; use Podman for one of its own."
        : 'The container was made without an id mapping of its own, so it shares one with conmon and other containers.';
    return control('user-namespace', { asked, engine, kernel: "the engine's" }, 'degraded', note);
  }
  return control('user-namespace', { asked, engine, kernel: `${inside}, not the engine's` }, 'enforced');
};

/** Exactly one id inside is the caller, process 1 runs as it, and no group of the caller's leaks in. */
export const judgeUser: Judge = (seen, { callerUid }) => {
  const asked = `one id inside is uid ${callerUid} on the host`;
  const { uidMap, gidMap, status } = seen;
  if (uidMap === undefined || gidMap === undefined || status?.uids === undefined || status.groups === undefined) {
    return unreadable('user', asked, undefined, 'the id mapping');
  }
  const callers = idsInside(uidMap, callerUid);
  const runsAs = status.uids[1];
  const kernel = `runs as ${status.uids.join('/')} on the host; inside id ${callers.join(', ') || 'none'} is the caller`;
  const foreign = status.groups.filter((group) => idsInside(gidMap, group).length === 0);
  const problem = status.uids.includes(0)
    ? { status: 'absent' as const, note: 'Process 1 is root on the host; use a rootless engine.' }
    : callers.length !== 1 || runsAs !== callerUid || status.uids.some((uid) => uid !== callerUid)
      ? { status: 'degraded' as const, note: 'Files made inside will not all belong to the caller.' }
      : foreign.length > 0
        ? { status: 'degraded' as const, note: `Host groups ${foreign.join(', ')} are kept inside.` }
        : undefined;
  return control('user', { asked, kernel }, problem?.status ?? 'enforced', problem?.note);
};

function describeMap(map: readonly IdRange[]): string {
  const shown = map.slice(0, 4).map(({ inside, outside, count }) => `${inside}→${outside} (${count})`);
  return `${shown.join(', ') || 'empty map'}${map.length > 4 ? ' …' : ''}`;
}
