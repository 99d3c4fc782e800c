import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Everything below a folder by its path: kind, permissions, and where it leads or what is in it. */
export function treeOf(top: string, isVarying: (path: string) => boolean = () => false): Record<string, string> {
  const tree: Record<string, string> = {};
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of readdirSync(join(top, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name);
      const mode = lstatSync(join(top, path)).mode.toString(8);
      if (entry.isDirectory()) folders.push(path);
      if (entry.isSymbolicLink()) tree[path] = `leads to ${readlinkSync(join(top, path))}`;
      else if (!entry.isFile() || isVarying(path)) tree[path] = mode;
      else
        tree[path] = `${mode} ${createHash('sha256')
          .update(readFileSync(join(top, path)))
          .digest('hex')}`;
    }
  }
  return tree;
}
