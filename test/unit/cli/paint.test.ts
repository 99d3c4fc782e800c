import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import type { CommandContext } from '../../../src/cli/command.js';
import { paintFor } from '../../../src/cli/paint.js';

const lines = (isTTY: boolean, env: CommandContext['env'] = {}) => {
  const stdout = Object.assign(new PassThrough(), { isTTY });
  const paint = paintFor({ terminal: { stdout } as unknown as CommandContext['terminal'], env });
  return [paint.item('A a'), paint.item('  more'), paint.diff('+a'), paint.diff(' a'), paint.alarm('NOT')];
};

it('colours what was changed on a terminal, and nowhere else', () => {
  const plain = ['A a', '  more', '+a', ' a', 'NOT'];
  const [green, red, usual] = ['\u001b[32m', '\u001b[31m', '\u001b[39m'];
  expect(lines(true)).toEqual([...[`${green}A a${usual}`, '  more', `${green}+a${usual}`, ' a', `${red}NOT${usual}`]]);
  expect(lines(false)).toEqual(plain);
  expect(lines(true, { NO_COLOR: '1' })).toEqual(plain);
});
