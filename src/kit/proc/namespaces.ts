import { readLinkOrNothing } from './read.js';

export const namespaceKinds = ['user', 'pid', 'ipc', 'uts', 'mnt', 'cgroup', 'net'] as const;
export type NamespaceKind = (typeof namespaceKinds)[number];

/** Namespace identities as the kernel prints them (`net:[4026532334]`); undefined where not readable. */
export type NamespaceIds = Readonly<Record<NamespaceKind, string | undefined>>;

/** The user namespace every Linux starts with: PROC_USER_INIT_INO in the kernel's proc_ns.h. */
export const initialUserNamespace = 'user:[4026531837]';

/** Namespaces of `pid` (`self` for our own). */
export function readNamespaces(pid: number | 'self', procRoot = '/proc'): NamespaceIds {
  const entries = namespaceKinds.map((kind) => {
    const link = readLinkOrNothing(`${procRoot}/${pid}/ns/${kind}`);
    return [kind, link !== undefined && /^[a-z]+:\[\d+\]$/.test(link) ? link : undefined] as const;
  });
  return Object.fromEntries(entries) as Record<NamespaceKind, string | undefined>;
}
