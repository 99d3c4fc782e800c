import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as protocol from '../../../src/channel/protocol.js';

const header = readFileSync('src/init/protocol.h', 'utf8');

const camelCase = (name: string) => name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** `enum channel_size { A = 1, … }` as channelSize: { A: 1, … }. */
function tablesOfHeader(): Record<string, Record<string, number>> {
  const enums = [...header.matchAll(/\benum (\w+) \{\n([^}]*)\};/g)];
  return Object.fromEntries(
    enums.map(([, name = '', body = '']) => {
      const lines = body.split('\n').filter((line) => line.trim() !== '' && !line.trim().startsWith('//'));
      const entries = lines.map((line) => {
        const [, key, value] = /^ {2}(\w+) = (0x[0-9a-f]+|\d+),$/.exec(line) ?? [];
        if (key === undefined) throw new Error(`${name} has a line in another form: ${line}`);
        return [key, Number(value)];
      });
      return [camelCase(name), Object.fromEntries(entries) as Record<string, number>];
    }),
  );
}

describe('the tables of the protocol', () => {
  const { CHANNEL_MAGIC, ...tables } = protocol;

  it('are the same in C and in TypeScript, in both directions', () => {
    expect(tables).toEqual(tablesOfHeader());
  });

  it('begin with the same magic bytes', () => {
    expect(JSON.parse(/#define CHANNEL_MAGIC (".*")/.exec(header)?.[1] ?? '""')).toBe(CHANNEL_MAGIC);
  });

  it.each(['toInit', 'fromInit'] as const)('give each frame of %s in docs/channel.md its number', (table) => {
    const rows = [...readFileSync('docs/channel.md', 'utf8').matchAll(/^\| (0x[0-9a-f]{2}) \| (\w+) /gm)];
    const prefix = table === 'toInit' ? 'TO_INIT_' : 'FROM_INIT_';
    const documented = rows
      .map(([, type, name]) => [`${prefix}${name}`, Number(type)] as const)
      .filter(([, type]) => type >= 0x80 === (table === 'fromInit'));
    expect(Object.fromEntries(documented)).toEqual(tables[table]);
  });
});
