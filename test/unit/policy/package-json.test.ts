import { describe, expect, it } from 'vitest';
import { differsInRunning, isPackageJson } from '../../../src/policy/package-json.js';

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

describe('what a package.json would run otherwise', () => {
  it('is found by name, wherever it lies', () => {
    expect(['package.json', 'a/Package.JSON', 'package.json.bak', 'my-package.json'].map(isPackageJson)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('is nothing where scripts, commands and workspaces stay as they are', () => {
    const before = { name: 'a', version: '1.0.0', scripts: { test: 'vitest' } };
    expect(differsInRunning(json(before), json({ ...before, version: '1.0.1', dependencies: { zod: '4' } }))).toEqual(
      [],
    );
    expect(differsInRunning('none', json({ name: 'new' }))).toEqual([]);
    expect(differsInRunning(json({ name: 'a' }), 'none')).toEqual([]);
  });

  it('is told by name', () => {
    const before = json({ scripts: { test: 'vitest', old: 'x' } });
    const after = json({ scripts: { test: 'evil', postinstall: 'evil' }, bin: './x', workspaces: ['p'], husky: {} });
    expect(differsInRunning(before, after)).toEqual([
      ...['scripts.test', 'scripts.old', 'scripts.postinstall', 'bin', 'workspaces', 'husky'],
    ]);
    expect(differsInRunning('none', json({ scripts: { prepare: 'x' } }))).toEqual(['scripts.prepare']);
  });

  it.each([Buffer.from('{'), Buffer.from('[]'), Buffer.from([0xff, 0xfe]), 'unknown'] as const)(
    'counts what can not be read: %j',
    (after) => {
      expect(differsInRunning(json({}), after)).toEqual(['unreadable']);
    },
  );

  it('counts what is nested too deeply as different', () => {
    const deep = Buffer.from(`{"scripts":{"a":${'['.repeat(400_000)}${']'.repeat(400_000)}}}`);
    expect(differsInRunning(json({}), deep)).toEqual(['unreadable']);
  });

  it('counts all of it where it can not be held against anything', () => {
    expect(differsInRunning('unknown', json({ scripts: { test: 'x' }, bin: 'y' }))).toEqual(['scripts.test', 'bin']);
    expect(differsInRunning(json({ scripts: {} }), json({ scripts: ['x'] }))).toEqual(['scripts']);
  });
});
