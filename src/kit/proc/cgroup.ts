/**
 * The cgroup v2 path from the text of `/proc/PID/cgroup` (the line `0::/…`), undefined when the host has none for it.
 * A path that leaves the reader's own cgroup namespace (`/../…`) names nothing that can be opened here: undefined too.
 */
export function parseUnifiedCgroup(text: string): string | undefined {
  const line = text.split('\n').find((candidate) => candidate.startsWith('0::/'));
  const path = line?.slice('0::'.length).replace(/ \(deleted\)$/, '');
  if (path === undefined || path.includes('\0')) return undefined;
  return path.split('/').some((part) => part === '..' || part === '.') ? undefined : path;
}
