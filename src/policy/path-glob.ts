/** A name that someone chose by a pattern. `**` stands for any number of folders, `*` for any part of a name, `?` for one character. */
export function isPattern(text: string): boolean {
  return /[*?]/.test(text);
}

/**
 * Whether a path fits a pattern. Takes time in proportion to the product of both lengths and no more, whatever names a sandbox has made
 * up: there is nothing to go back for.
 */
export function matchesGlob(path: string, pattern: string): boolean {
  const names = path.split('/');
  let reached = new Set([0]);
  for (const part of pattern.split('/')) {
    if (part === '**') {
      const first = Math.min(...reached);
      reached = new Set(Array.from({ length: Math.max(0, names.length - first + 1) }, (_, index) => first + index));
    } else {
      reached = new Set(
        [...reached].filter((at) => at < names.length && matchesName(names[at] ?? '', part)).map((at) => at + 1),
      );
    }
    if (reached.size === 0) return false;
  }
  return reached.has(names.length);
}

/** Every `*` takes as little as it can; only the last one is ever taken back. */
function matchesName(name: string, pattern: string): boolean {
  let [at, to, star, mark] = [0, 0, -1, 0];
  while (at < name.length) {
    if (pattern[to] === '*') {
      star = to;
      mark = at;
      to += 1;
    } else if (to < pattern.length && (pattern[to] === '?' || pattern[to] === name[at])) {
      at += 1;
      to += 1;
    } else if (star >= 0) {
      to = star + 1;
      mark += 1;
      at = mark;
    } else return false;
  }
  while (pattern[to] === '*') to += 1;
  return to === pattern.length;
}
