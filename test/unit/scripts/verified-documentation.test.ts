import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../../..');

it('docs/verified.md names tests that there are', () => {
  const text = readFileSync(join(root, 'docs/verified.md'), 'utf8');
  const [, table = ''] = text.split('## Agents without keys');
  const [part = ''] = table.split('\n## ');
  const named = [...part.matchAll(/`([a-z0-9]+\/[\w/-]+)`/g)].map(([, path = '']) => path);
  expect(named.length).toBeGreaterThan(50);
  const places = (path: string) => [`test/${path}.test.ts`, `test/${path}`, path].map((one) => join(root, one));
  expect(named.filter((path) => !places(path).some((place) => existsSync(place)))).toEqual([]);
});
