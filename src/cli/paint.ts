import { styleText } from 'node:util';
import type { CommandContext } from './command.js';

/** Gives a line of ours, which is safe for a terminal, its colour there. */
export interface Paint {
  /** Of a list of changes. */
  readonly item: (line: string) => string;
  /** Of a difference. */
  readonly diff: (line: string) => string;
  readonly alarm: (line: string) => string;
}

type Color = 'green' | 'red' | 'yellow' | 'cyan';

const itemColors: Readonly<Record<string, Color>> = { A: 'green', M: 'yellow', D: 'red', R: 'cyan', P: 'yellow' };
const diffColors: Readonly<Record<string, Color>> = { '+': 'green', '-': 'red', '@': 'cyan' };

/** Colours where standard output is a terminal and NO_COLOR is not set (no-color.org); else the lines as they are. */
export function paintFor({ terminal, env }: Pick<CommandContext, 'terminal' | 'env'>): Paint {
  const { stdout } = terminal;
  const isColored = 'isTTY' in stdout && stdout.isTTY === true && (env['NO_COLOR'] ?? '') === '';
  const painted = (color: Color | undefined, line: string) =>
    isColored && color !== undefined ? styleText(color, line, { validateStream: false }) : line;
  return {
    item: (line) => painted(itemColors[line[0] ?? ''], line),
    diff: (line) => painted(diffColors[line[0] ?? ''], line),
    alarm: (line) => painted('red', line),
  };
}
