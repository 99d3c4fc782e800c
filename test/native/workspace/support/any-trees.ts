import fc from 'fast-check';
import { type Children, file, gone, link, type Tree } from './trees.js';

const names = fc.constantFrom('a', 'b', 'ä b', 'Z', '.x');
const leaf = fc.oneof(
  fc.tuple(fc.constantFrom('', 'one', 'two', 'three'), fc.constantFrom(0o644, 0o755)).map(([c, m]) => file(c, m)),
  fc.constantFrom('a', 'b/a').map(link),
);

function tree(isUpper: boolean, depth: number): fc.Arbitrary<Tree> {
  const one = isUpper ? fc.oneof(leaf, fc.constant(gone)) : leaf;
  if (depth === 0) return one;
  const below = fc
    .record({
      mode: fc.constantFrom(0o755, 0o700),
      isOpaque: isUpper ? fc.boolean() : fc.constant(false),
      children: children(isUpper, depth - 1),
    })
    .map((parts): Tree => ({ type: 'folder', ...parts }));
  return fc.oneof({ weight: 2, arbitrary: one }, { weight: 3, arbitrary: below });
}

/** What any folder may hold: of a project, or of a layer, with marks. */
export function children(isUpper: boolean, depth: number): fc.Arbitrary<Children> {
  const entries = fc.uniqueArray(fc.tuple(names, tree(isUpper, depth)), { selector: ([name]) => name, maxLength: 4 });
  return entries.map((list) => new Map(list));
}
