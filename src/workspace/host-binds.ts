import { readdir } from 'node:fs/promises';
import { type ApprovalContext, approveHostPath, approveSubmounts } from './approve.js';
import { type BindMount, bindsOf } from './binds.js';
import type { HostLayout } from './host-layout.js';
import { openWithoutLinks } from './open-without-links.js';
import { denied } from './rules.js';

/** Folders looked at by `programPaths` at most, per folder that was named. */
const searchLimit = 200;

/**
 * The read-only binds of the host image, in mounting order: /usr and the parts of /etc that the layout names, with
 * every mount below them, each at its own path. These are fixed by us, never by a caller, so they pass no path rules.
 * Throws PolicyDenied (`workspace.changed`, `.missing`, `.submount`) when one is no longer what the layout saw.
 */
export async function hostImageBinds(layout: HostLayout, mountinfoPath?: string): Promise<readonly BindMount[]> {
  const shown = layout.entries.filter((entry) => entry.kind !== 'link');
  const binds = await Promise.all(
    [{ path: '/usr', kind: 'folder' as const }, ...shown].map(async ({ path, kind }) => {
      const opened = await openWithoutLinks(path);
      const submounts = await approveSubmounts(opened.path, { hostPath: path, readOnly: true }, mountinfoPath);
      const { dev, ino } = opened;
      if (opened.kind !== kind) throw denied('workspace.changed', path);
      return bindsOf({ source: opened.path, dev, ino, kind, readOnly: true, submounts }, path);
    }),
  );
  return binds.flat();
}

/**
 * Read-only binds for folders of programs outside /usr that the user's settings name (`~/.nvm/versions`,
 * `~/.local/share/uv`, `/opt/x`), each at its own path so that the absolute paths baked into them hold. `context`
 * carries the site's `hostFolders` as `allowedRoots`. Throws PolicyDenied (`workspace.*`).
 */
export async function hostFolderBinds(
  folders: readonly string[],
  context: ApprovalContext,
): Promise<readonly BindMount[]> {
  const binds = await Promise.all(
    folders.map(async (hostPath) => {
      const approved = await approveHostPath({ hostPath, readOnly: true, purpose: 'host-image' }, context);
      return bindsOf(approved, approved.source);
    }),
  );
  return binds.flat();
}

/**
 * `bin` folders at most three levels below a folder of programs, for PATH: newest version first, so that of several
 * node or python versions the latest is found. Looks at `searchLimit` folders at most and follows no link.
 */
export async function programPaths(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  let level = [folder];
  let looked = 0;
  for (let depth = 0; depth <= 3 && level.length > 0; depth += 1) {
    const next: string[] = [];
    for (const path of level.slice(0, searchLimit - looked)) {
      looked += 1;
      const names = await folderNames(path);
      if (names.includes('bin')) found.push(`${path}/bin`);
      else next.push(...names.map((name) => `${path}/${name}`));
    }
    level = next;
  }
  return found;
}

async function folderNames(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isDirectory() && !entry.name.includes(':')).map((entry) => entry.name);
  return names.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
}
