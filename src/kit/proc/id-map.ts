/** One line of `/proc/PID/uid_map`: `count` ids from `inside` on are those from `outside` on in the reader's namespace. */
export interface IdRange {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** Undefined when a line is malformed. An empty map maps nothing. Never throws. */
export function parseIdMap(text: string): readonly IdRange[] | undefined {
  const ranges: IdRange[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const match = /^\s*(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s*$/.exec(line);
    if (!match) return undefined;
    ranges.push({ inside: Number(match[1]), outside: Number(match[2]), count: Number(match[3]) });
  }
  return ranges;
}

/** Ids inside that are `outside` in the reader's namespace. */
export function idsInside(map: readonly IdRange[], outside: number): readonly number[] {
  return map
    .filter((range) => outside >= range.outside && outside < range.outside + range.count)
    .map((range) => range.inside + outside - range.outside);
}
