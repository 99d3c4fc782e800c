import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { seccompProfiles } from '../../../../src/confine/seccomp/profile.js';
import { tables } from './support/tables.js';

/** `npm run profiles` sets it, and writes what the source gives. */
const isUpdating = process.env['PADDOCK_UPDATE_GOLDEN'] === '1';
const root = join(import.meta.dirname, '../../../..');
const mark = '<!-- From here on made from src/confine/seccomp by `npm run profiles`. -->\n\n';

function committed(path: string, made: string): void {
  if (isUpdating) writeFileSync(join(root, path), made);
  expect(readFileSync(join(root, path), 'utf8')).toBe(made);
}

describe('what is committed of the seccomp profiles', () => {
  it.each(seccompProfiles())('is what the source gives: profiles/seccomp/$variant.json', ({ variant, json }) => {
    committed(`profiles/seccomp/${variant}.json`, `${JSON.stringify(JSON.parse(json), null, 1)}\n`);
  });

  it('is what the source gives: the tables of docs/seccomp.md', () => {
    const [written = '', ...rest] = readFileSync(join(root, 'docs/seccomp.md'), 'utf8').split(mark);
    expect(rest).toHaveLength(1);
    committed('docs/seccomp.md', `${written}${mark}${tables()}\n`);
  });

  it('is in the package', () => {
    const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { files: string[] };
    expect(files).toContain('profiles');
  });
});
