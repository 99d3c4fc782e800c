import { describe, expect, it } from 'vitest';
import { bindsOf, overlaps, refuseOverlap } from '../../../src/workspace/binds.js';

const at = (source: string, ino = source) => ({ source, dev: '1', ino });

describe('binds of an approved path', () => {
  it('put a read-only bind on every mount below it', () => {
    const approved = {
      ...at('/h/p'),
      kind: 'folder' as const,
      readOnly: true,
      submounts: [
        { ...at('/h/p/a'), kind: 'folder' as const },
        { ...at('/h/p/a/b'), kind: 'file' as const },
      ],
    };
    const binds = bindsOf(approved, '/workspace');
    expect(binds.map(({ source, target, kind, readOnly }) => [source, target, kind, readOnly])).toEqual([
      ['/h/p', '/workspace', 'folder', true],
      ['/h/p/a', '/workspace/a', 'folder', true],
      ['/h/p/a/b', '/workspace/a/b', 'file', true],
    ]);
  });
});

describe('two workspaces', () => {
  it.each([
    ['/h/p', '/h/p', true],
    ['/h/p', '/h/p/sub', true],
    ['/h/p/sub', '/h/p', true],
    ['/h/p', '/h/pq', false],
    ['/h/p', '/h/q', false],
  ])('%s and %s overlap: %s', (a, b, expected) => {
    expect(overlaps(at(a), at(b))).toBe(expected);
  });

  it('overlap when they are one folder under two names', () => {
    expect(overlaps(at('/h/p', '7'), at('/mnt/p', '7'))).toBe(true);
    expect(overlaps({ ...at('/h/p', '7'), dev: '2' }, at('/mnt/p', '7'))).toBe(false);
  });

  it('may overlap unless both are writable', () => {
    const wanted = { ...at('/h/p/sub'), kind: 'folder' as const, submounts: [] };
    expect(() => refuseOverlap({ ...wanted, readOnly: true }, [at('/h/p')])).not.toThrow();
    expect(() => refuseOverlap({ ...wanted, readOnly: false }, [at('/h/p')])).toThrow(/another session/);
  });
});
