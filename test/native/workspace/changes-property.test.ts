import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Change } from '../../../src/workspace/changes/change.js';
import { builtInit, builtSupport } from '../init/support/compiled.js';
import { children } from './support/any-trees.js';
import { type Children, type Tree, Trees } from './support/trees.js';

const programs = { init: builtInit(), mark: builtSupport('test/native/workspace/support/mark.c') };

/** What the kernel's overlay shows: its rules, in memory. */
function seen(project: Children, upper: Children): Children {
  const result = new Map(project);
  for (const [name, tree] of upper) {
    const below = project.get(name);
    if (tree.type === 'gone') result.delete(name);
    else if (tree.type !== 'folder') result.set(name, tree);
    else {
      const shines = below?.type === 'folder' && !tree.isOpaque ? below.children : new Map<string, Tree>();
      result.set(name, { ...tree, isOpaque: false, children: seen(shines, tree.children) });
    }
  }
  return result;
}

/** Every path of a tree with what is there, except what is in folders. */
function flat(tree: Children, prefix = ''): ReadonlyMap<string, string> {
  return new Map(
    [...tree].flatMap(([name, one]): (readonly [string, string])[] => {
      const path = `${prefix}${name}`;
      if (one.type !== 'folder') return [[path, JSON.stringify(one)]];
      return [[path, `folder ${one.mode}`], ...flat(one.children, `${path}/`)];
    }),
  );
}

/** The project once the changes are made to it, with content taken from the layer: by their paths alone. */
function applied(project: Children, upper: Children, changes: readonly Change[]): ReadonlyMap<string, string> {
  const [result, source] = [new Map(flat(project)), flat(upper)];
  for (const { path, kind, from, before } of changes) {
    // Nothing is told to go that is not there, nor said to be new where something is.
    expect(result.has(from ?? path)).toBe(kind !== 'added');
    expect(before === undefined).toBe(kind === 'added');
    if (kind === 'deleted') result.delete(path);
  }
  for (const { kind, from } of changes) if (kind === 'renamed') result.delete(from ?? '');
  for (const { path, kind } of changes) if (kind !== 'deleted') result.set(path, source.get(path) ?? '?');
  return result;
}

const sortedOf = (map: ReadonlyMap<string, string>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

describe('the changes of any layer', () => {
  it('made to a copy of the project give what the session sees, and none is needless', async () => {
    await fc.assert(
      fc.asyncProperty(children(false, 2), children(true, 2), async (project, upper) => {
        using trees = new Trees(programs).put('project', project).put('upper', upper);
        const { changes, isComplete } = await trees.review();
        expect(isComplete).toBe(true);
        const view = flat(seen(project, upper));
        expect(sortedOf(applied(project, upper, changes))).toEqual(sortedOf(view));
        const old = flat(project);
        const differing = [...new Set([...old.keys(), ...view.keys()])].filter(
          (path) => old.get(path) !== view.get(path),
        );
        const touched = changes.flatMap(({ path, from }) => (from === undefined ? [path] : [path, from]));
        expect(touched.sort()).toEqual(differing.sort());
      }),
      { numRuns: 60 },
    );
  });
});
