import { describe, expect, it } from 'vitest';
import { differsInBuilding, isCargoToml } from '../../../src/policy/cargo-toml.js';

const toml = (text: string) => Buffer.from(text);
const plain = '[package]\nname = "a"\nversion = "1.0.0"\n[lib]\npath = "src/lib.rs"\n';

describe('what a Cargo.toml would have built otherwise', () => {
  it('is found by name, wherever it lies', () => {
    expect(['Cargo.toml', 'a/cargo.TOML', 'Cargo.toml.orig', 'my-Cargo.toml'].map(isCargoToml)).toEqual([
      ...[true, true, false, false],
    ]);
  });

  it('is nothing where no program is named and the library stays what it is', () => {
    const more = plain.replace('1.0.0', '1.0.1').concat('[dependencies]\nserde = "1"\n');
    expect(differsInBuilding(toml(plain), toml(more))).toEqual([]);
    expect(differsInBuilding('none', toml(plain))).toEqual([]);
    expect(differsInBuilding(toml(plain), 'none')).toEqual([]);
  });

  it.each([
    ['a build script is named', '[package]\nbuild = "src/innocent.rs"', ['package.build']],
    ['a build script is written as a table', 'package = { build = "x.rs" }', ['package.build']],
    ['the one that was switched off is on again', '[package]', ['package.build'], '[package]\nbuild = false'],
    ['a library of the system is linked', '[package]\nlinks = "z"', ['package.links']],
    ['the library becomes a compiler plug-in', '[lib]\nproc-macro = true', ['lib.proc-macro']],
    ['it does so by the older name', '[lib]\nproc_macro = true', ['lib.proc_macro']],
    ['it does so by its kind', '[lib]\ncrate-type = ["proc-macro"]', ['lib.crate-type']],
    ['it does so by the older name of its kind', '[lib]\ncrate_type = ["proc-macro"]', ['lib.crate_type']],
  ])('is told where %s', (_, after, found, before = '[package]') => {
    expect(differsInBuilding(toml(before), toml(after))).toEqual(found);
    expect(differsInBuilding(toml(after), toml(after))).toEqual([]);
  });

  it.each([toml('[package'), Buffer.from([0xff, 0xfe]), toml(`a = ${'['.repeat(200_000)}`), 'unknown'] as const)(
    'counts what can not be read',
    (after) => {
      expect(differsInBuilding(toml(plain), after)).toEqual(['unreadable']);
    },
  );

  it('counts all of it where it can not be held against anything', () => {
    const after = toml('[package]\nbuild = "b.rs"\n[lib]\nproc-macro = true');
    expect(differsInBuilding('unknown', after)).toEqual(['package.build', 'lib.proc-macro']);
  });
});
