/**
 * Whether `path` is `folder` or lies inside it. Both are absolute and normalised (no `.`, `..`, double or trailing
 * slash); compared by whole components, since `/home/ann` does not contain `/home/anna`.
 */
export function isInside(path: string, folder: string): boolean {
  return path === folder || isStrictlyInside(path, folder);
}

/** Whether `path` lies inside `folder` and is not it. */
export function isStrictlyInside(path: string, folder: string): boolean {
  if (path === folder) return false;
  return folder === '/' ? path.startsWith('/') : path.startsWith(`${folder}/`);
}

/** Whether one of the two is, or contains, the other. */
export function isEitherInside(a: string, b: string): boolean {
  return isInside(a, b) || isInside(b, a);
}
