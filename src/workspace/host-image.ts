import { createHash } from 'node:crypto';
import { pack } from 'tar-stream';
import type { HostLayout } from './host-layout.js';

/** The host image, ready for import: a name that changes exactly when its content does, and a plain tar. */
export interface HostImage {
  readonly reference: string;
  /** Digest of the tar (`sha256:…`): what an engine must show as its only layer. */
  readonly layer: string;
  readonly tar: Buffer;
}

/** Repository of every host image; older tags are ours to remove. */
export const hostImageRepository = 'localhost/paddock/host';

type Entry = { readonly mode: number } & (
  | { readonly type: 'directory' }
  | { readonly type: 'file'; readonly text: string }
  | { readonly type: 'symlink'; readonly target: string }
);

const folder = (mode = 0o755): Entry => ({ type: 'directory', mode });
const file = (text = '', mode = 0o644): Entry => ({ type: 'file', text, mode });
const link = (target: string): Entry => ({ type: 'symlink', target, mode: 0o777 });

/** A root with nothing of the host in it. resolv.conf is empty: only network `open` has a device to ask a resolver through, and a file of the engine's. */
const baseEntries: Readonly<Record<string, Entry>> = {
  '.paddock': folder(),
  dev: folder(),
  etc: folder(),
  'etc/group': file('root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n'),
  'etc/hostname': file(),
  'etc/hosts': file('127.0.0.1 localhost\n::1 localhost\n'),
  'etc/mtab': link('../proc/self/mounts'),
  'etc/nsswitch.conf': file('passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\n'),
  'etc/os-release': link('../usr/lib/os-release'),
  'etc/passwd': file(
    'root:x:0:0:sandbox user:/home/agent:/bin/sh\nagent:x:1000:1000:sandbox user:/home/agent:/bin/sh\n' +
      'nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n',
  ),
  'etc/profile': file('umask 022\n'),
  'etc/resolv.conf': file(),
  'etc/shells': file('/bin/sh\n/bin/bash\n'),
  home: folder(),
  'home/agent': folder(),
  mnt: folder(),
  opt: folder(),
  proc: folder(0o555),
  root: folder(0o700),
  run: folder(),
  sys: folder(0o555),
  tmp: folder(0o1777),
  usr: folder(),
  var: folder(),
  'var/tmp': folder(0o1777),
  workspace: folder(),
};

/** Builds the image for this layout. The same layout gives the same bytes on every machine. */
export async function buildHostImage(layout: HostLayout): Promise<HostImage> {
  const tar = await packEntries(hostImageEntries(layout));
  const digest = createHash('sha256').update(tar).digest('hex');
  return { reference: `${hostImageRepository}:${digest.slice(0, 16)}`, layer: `sha256:${digest}`, tar };
}

function hostImageEntries(layout: HostLayout): ReadonlyMap<string, Entry> {
  const entries = new Map(Object.entries(baseEntries));
  for (const entry of layout.entries) {
    const name = entry.path.slice(1);
    const parts = name.split('/');
    for (let depth = 1; depth < parts.length; depth += 1) {
      const parent = parts.slice(0, depth).join('/');
      if (!entries.has(parent)) entries.set(parent, folder());
    }
    entries.set(name, entry.kind === 'link' ? link(entry.target) : entry.kind === 'folder' ? folder() : file());
  }
  return new Map([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function packEntries(entries: ReadonlyMap<string, Entry>): Promise<Buffer> {
  const archive = pack();
  for (const [name, entry] of entries) {
    const linkname = entry.type === 'symlink' ? { linkname: entry.target } : {};
    const header = { name, type: entry.type, mode: entry.mode, uid: 0, gid: 0, mtime: new Date(0), ...linkname };
    archive.entry(header, entry.type === 'file' ? entry.text : '');
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
