/**
 * Reads a name in which `*` stands for any part, the empty one too; nothing else in it has a meaning. Not by a regular expression: with many
 * stars in a name, one long other name would keep that busy for years. Each piece between two stars is looked for once, from left to right.
 */
export function starPattern(text: string): (name: string) => boolean {
  const [first = '', ...rest] = text.split('*');
  const last = rest.pop();
  if (last === undefined) return (name) => name === text;
  return (name) => {
    // Before all else: most names have another beginning or end.
    if (!name.startsWith(first) || !name.endsWith(last)) return false;
    const end = name.length - last.length;
    let at = first.length;
    for (const piece of rest) {
      const found = name.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return at <= end;
  };
}
