import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PaddockError } from '../../../src/core/errors.js';
import {
  checkContainerRef,
  checkExecId,
  checkLabelFilter,
  checkSignalName,
  imagePath,
  parseImageReference,
} from '../../../src/engine/names.js';

/** What a check makes of a text; undefined when it refuses with an error of ours. */
function taken(check: (text: string) => string, text: string): string | undefined {
  try {
    return check(text);
  } catch (error) {
    if (error instanceof PaddockError) return undefined;
    throw error;
  }
}

describe('names that go into paths', () => {
  it.each(['../x', 'a/b', 'a', '', 'a?b', 'a b', 'a\n', '%2e%2e', '-a', 'ä'.repeat(3), 'a'.repeat(129)])(
    'refuses %j as a container',
    (name) => {
      expect(() => checkContainerRef(name)).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
    },
  );

  it('takes ids, names, signals and label filters as the engines have them', () => {
    expect(checkContainerRef('paddock-abc_1.x')).toBe('paddock-abc_1.x');
    expect(checkExecId('0'.repeat(64))).toHaveLength(64);
    expect(checkSignalName('SIGRTMIN+3')).toBe('SIGRTMIN+3');
    expect(checkLabelFilter('dev.paddock.owner=x y=z')).toBe('dev.paddock.owner=x y=z');
  });

  it('never lets a string through that would change a path', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const check of [checkContainerRef, checkExecId, checkSignalName, imagePath]) {
          const path = taken(check, text);
          if (path !== undefined) expect(new URL(`http://d/x/${path}/y`).pathname).toBe(`/x/${path}/y`);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('image references', () => {
  it.each([
    ['docker.io/library/debian:13', 'docker.io/library/debian', '13', undefined],
    ['localhost/x', 'localhost/x', 'latest', undefined],
    ['localhost:5000/a/b_c:t', 'localhost:5000/a/b_c', 't', undefined],
    ['registry:5000/a', 'registry:5000/a', 'latest', undefined],
    [`quay.io/a/b@sha256:${'a'.repeat(64)}`, 'quay.io/a/b', undefined, `sha256:${'a'.repeat(64)}`],
  ])('takes %s apart', (reference, repository, tag, digest) => {
    expect(parseImageReference(reference)).toEqual({ repository, tag, digest });
  });

  it.each([
    'debian',
    'debian:13',
    'library/debian',
    'docker.io/',
    'docker.io/../x',
    'docker.io/A',
    'docker.io/a//b',
    'docker.io/a:b:c',
    'docker.io/a?x',
    'docker.io/a\n',
    'https://docker.io/a',
    'docker.io/a@sha256:12',
  ])('refuses %j', (reference) => {
    expect(() => parseImageReference(reference)).toThrow(expect.objectContaining({ code: 'IMAGE_NOT_FOUND' }));
  });
});
