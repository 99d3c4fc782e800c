import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEitherInside, isInside } from '../../../src/kit/path-containment.js';
import { overlaps } from '../../../src/workspace/binds.js';
import { judgeProjectPath, type PathContext } from '../../../src/workspace/path-rules.js';
import { submountsOf } from '../../../src/workspace/submounts.js';

const name = fc.constantFrom('a', 'ab', 'b', '.ssh', '.config', 'home', 'ann', 'etc', 'usr', 'var', 'run', 'x y', 'é');
const path = fc.array(name, { maxLength: 5 }).map((parts) => `/${parts.join('/')}`);
const context = fc.record({
  homeDir: fc.constantFrom('/home/ann', '/var/home/ann', '/a/ab', '/root'),
  allowedRoots: fc.array(path, { maxLength: 4 }),
  privateFolders: fc.array(path, { maxLength: 3 }),
});
const isAllowed = (candidate: string, given: PathContext): boolean => judgeProjectPath(candidate, given) === undefined;

describe('rules for host paths', () => {
  it('never allow a folder that contains a secret or system place, wherever the roots lie', () => {
    const places = ['/', '/etc', '/usr', '/proc', '/sys', '/dev', '/boot'];
    fc.assert(
      fc.property(path, context, (candidate, given) => {
        if (!isAllowed(candidate, given)) return;
        const forbidden = [...places, given.homeDir, `${given.homeDir}/.ssh`, ...given.privateFolders];
        expect(forbidden.filter((place) => isInside(place, candidate))).toEqual([]);
        expect(given.allowedRoots.some((root) => isInside(candidate, root))).toBe(true);
        expect(given.privateFolders.some((folder) => isEitherInside(candidate, folder))).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  it('never allow more when a private folder is added or an allowed root is removed', () => {
    fc.assert(
      fc.property(path, context, path, (candidate, given, more) => {
        const tighter = [
          { ...given, privateFolders: [...given.privateFolders, more] },
          { ...given, allowedRoots: given.allowedRoots.slice(1) },
        ];
        if (!isAllowed(candidate, given)) expect(tighter.some((rules) => isAllowed(candidate, rules))).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  it('refuse whatever holds a character of mount syntax', () => {
    const dirty = fc.tuple(path, fc.constantFrom(',', ':', '"', "'", '\n', '\0', '\\', '\u007f'), path);
    fc.assert(
      fc.property(dirty, context, ([before, character, after], given) => {
        expect(isAllowed(`${before}${character}${after}`, given)).toBe(false);
      }),
    );
  });
});

describe('overlap and mounts below', () => {
  it('is the same both ways', () => {
    const object = fc.record({ source: path, dev: fc.constantFrom('1', '2'), ino: fc.constantFrom('1', '2', '3') });
    fc.assert(fc.property(object, object, (a, b) => overlaps(a, b) === overlaps(b, a)));
  });

  it('finds exactly the mount points inside, outer before inner', () => {
    fc.assert(
      fc.property(path, fc.array(path, { maxLength: 8 }), (folder, points) => {
        const mounts = points.map((mountPoint, id) => ({
          ...{ id, parentId: 0, device: '0:1', root: '/', mountPoint, options: [], tags: [], fsType: 't', source: '' },
          superOptions: [],
        }));
        const found = submountsOf(folder, mounts);
        expect(new Set(found)).toEqual(new Set(points.filter((point) => point !== folder && isInside(point, folder))));
        found.forEach((point, at) => {
          expect(found.slice(at + 1).some((later) => isInside(point, later))).toBe(false);
        });
      }),
    );
  });
});
