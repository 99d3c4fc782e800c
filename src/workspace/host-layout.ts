import { lstat, readlink, realpath } from 'node:fs/promises';
import { dirname, posix } from 'node:path';
import { isInside } from '../kit/path-containment.js';

/** One path outside /usr that the host image takes over from this host. */
export type HostEntry =
  /** Shown by a read-only bind; the image holds an empty place for it. */
  | { readonly path: string; readonly kind: 'folder' | 'file' }
  /** Recreated in the image as a relative link. */
  | { readonly path: string; readonly kind: 'link'; readonly target: string };

/** What the host image is made of on this host, sorted by path. */
export interface HostLayout {
  readonly entries: readonly HostEntry[];
}

/** Links into /usr on merged hosts, folders of their own on others. */
const programFolders = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];

/**
 * All of /etc that programs need to run: which alternative is chosen, where libraries are, what certificates to trust.
 * No file with a host's secret in it: /etc/ssl/private and /etc/pki/tls/private stay out, so their parents do too.
 */
const etcPaths = [
  '/etc/alternatives',
  '/etc/ld.so.cache',
  '/etc/ssl/certs',
  '/etc/ssl/cert.pem',
  '/etc/ssl/openssl.cnf',
  '/etc/ca-certificates',
  '/etc/pki/ca-trust',
  '/etc/pki/tls/certs',
  '/etc/pki/tls/cert.pem',
  '/etc/pki/tls/openssl.cnf',
  '/etc/crypto-policies',
  '/etc/localtime',
];

/** Looks at the host below `root` (tests pass a folder of their own). Paths that are missing are left out. */
export async function readHostLayout(root = ''): Promise<HostLayout> {
  const found = await Promise.all([...programFolders, ...etcPaths].map((path) => readEntry(root, path)));
  const entries = found.filter((entry) => entry !== undefined);
  const shown = ['/usr', ...entries.filter((entry) => entry.kind !== 'link').map((entry) => entry.path)];
  const useful = await Promise.all(
    entries.map(async (entry) => entry.kind !== 'link' || (await leadsInto(root, entry.path, shown))),
  );
  return { entries: entries.filter((_, index) => useful[index]).sort((a, b) => (a.path < b.path ? -1 : 1)) };
}

async function readEntry(root: string, path: string): Promise<HostEntry | undefined> {
  try {
    const stat = await lstat(root + path);
    if (stat.isSymbolicLink()) return { path, kind: 'link', target: relativeTarget(path, await readlink(root + path)) };
    return stat.isDirectory() ? { path, kind: 'folder' } : stat.isFile() ? { path, kind: 'file' } : undefined;
  } catch {
    return undefined;
  }
}

/** A link is only kept when all of its way ends in something that the sandbox shows; it never widens what is shown. */
async function leadsInto(root: string, path: string, shown: readonly string[]): Promise<boolean> {
  const [base, resolved] = await Promise.all([
    realpath(root === '' ? '/' : root),
    realpath(root + path).catch(() => undefined),
  ]);
  if (resolved === undefined) return false;
  const inside = base === '/' ? resolved : isInside(resolved, base) ? resolved.slice(base.length) : undefined;
  return inside !== undefined && shown.some((folder) => isInside(inside, folder));
}

/** Relative, so that it means the same wherever the image is unpacked. */
function relativeTarget(path: string, target: string): string {
  return posix.relative(dirname(path), posix.resolve(dirname(path), target));
}
