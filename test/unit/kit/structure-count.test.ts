import { expect, it } from 'vitest';
import { StructureCount } from '../../../src/kit/structure-count.js';

it.each([
  ['{}', 1],
  ['{"a":[1,2,3]}', 4],
  ['{"a":"[{,\\"[{,\\\\","b":{}}', 3],
  ['"\\\\",[', 2],
  ['"\\\\\\",["', 0],
])('the structure of %s is %d, in whatever pieces it comes', (text, count) => {
  for (const size of [1, 2, 100]) {
    const structure = new StructureCount();
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += size) structure.push(bytes.subarray(at, at + size));
    expect(structure.count).toBe(count);
  }
});
