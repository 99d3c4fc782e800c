/** One line of `/proc/PID/mountinfo` (proc_pid_mountinfo(5)). */
export interface Mount {
  readonly id: number;
  readonly parentId: number;
  /** `major:minor` of the file system; on btrfs not what stat says. */
  readonly device: string;
  /** The folder or file of the file system that is mounted. */
  readonly root: string;
  readonly mountPoint: string;
  /** Options of this mount (`ro`, `nosuid` …). */
  readonly options: readonly string[];
  /** Propagation tags: `shared:N`, `master:N` … */
  readonly tags: readonly string[];
  readonly fsType: string;
  readonly source: string;
  /** Options of the file system (`size=65536k` …). */
  readonly superOptions: readonly string[];
}

/** The mounts in `text`, and the number of lines that could not be read: a judge must not take those for nothing. */
export interface MountTable {
  readonly mounts: readonly Mount[];
  readonly unreadableLines: number;
}

/** Never throws. */
export function parseMountinfo(text: string): MountTable {
  const lines = text.split('\n').filter((line) => line !== '');
  const mounts = lines.map(parseLine).filter((mount) => mount !== undefined);
  return { mounts, unreadableLines: lines.length - mounts.length };
}

/** `\040` and the like back into the bytes they stand for; the kernel writes space, tab, newline, `#` and backslash so. */
export function unescapeOctal(text: string): string {
  return text.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function parseLine(line: string): Mount | undefined {
  const words = line.split(' ');
  const dash = words.indexOf('-', 6);
  const [id, parentId, device, root, mountPoint, options] = words;
  const [fsType, source, superOptions] = dash < 0 ? [] : words.slice(dash + 1);
  if (!/^\d{1,10}$/.test(id ?? '') || !/^\d{1,10}$/.test(parentId ?? '') || device === undefined) return undefined;
  if (root === undefined || mountPoint === undefined || options === undefined || fsType === undefined) return undefined;
  return {
    id: Number(id),
    parentId: Number(parentId),
    device,
    root: unescapeOctal(root),
    mountPoint: unescapeOctal(mountPoint),
    options: options.split(','),
    tags: words.slice(6, dash),
    fsType: unescapeOctal(fsType),
    source: unescapeOctal(source ?? ''),
    superOptions: (superOptions ?? '').split(','),
  };
}
