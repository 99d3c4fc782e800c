import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorTable } from '../../../src/core/errors.js';

const root = join(import.meta.dirname, '..', '..', '..');
const rows = readFileSync(join(root, 'docs', 'errors.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, code = '', exitCode, meaning = '', next = '']) => ({
    code: code.replaceAll('`', ''),
    exitCode,
    meaning,
    next,
  }));

const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(join(root, 'src', name), 'utf8'))
  .join('\n');

describe('every error code', () => {
  it('has one row in docs/errors.md, in the order of the table, with its exit code', () => {
    const expected = Object.entries(errorTable).map(([code, entry]) => [code, String(entry.exitCode)]);
    expect(rows.map((row) => [row.code, row.exitCode])).toEqual(expected);
    for (const row of rows) {
      expect(row.meaning.length, row.code).toBeGreaterThan(20);
      expect(row.next.length, row.code).toBeGreaterThan(20);
    }
  });

  it('is raised somewhere, not only compared with', () => {
    const raised = (code: string) => new RegExp(`(?<![!=]== |includes\\()'${code}'`).test(sources);
    expect(Object.keys(errorTable).filter((code) => !raised(code))).toEqual([]);
  });
});
