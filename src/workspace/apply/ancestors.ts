/** The folders that a path lies in, the lowest first. */
export function ancestors(path: string): readonly string[] {
  const names = path.split('/');
  return names.slice(1).map((_, index) => names.slice(0, names.length - 1 - index).join('/'));
}
