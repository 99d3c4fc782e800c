import { expect, it } from 'vitest';
import { StructureCount } from '../../../src/kit/structure-count.js';

it.each([
  ['{"abc":1,"de":"abc:","f":[":",{"g" : ":"}]}', 7],
  ['{"a\\"b":{},"c:\\\\":1}', 8],
  ['["a","b:"]', 0],
])('the names in %s have %d bytes, in whatever pieces they come', (text, count) => {
  for (const size of [1, 2, 100]) {
    const structure = new StructureCount();
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += size) structure.push(bytes.subarray(at, at + size));
    expect(structure.nameBytes).toBe(count);
  }
});

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
