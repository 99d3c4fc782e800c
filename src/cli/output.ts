import type { Writable } from 'node:stream';
import { untilRoom } from '../kit/until-room.js';
import type { CommandContext } from './command.js';

/** Writes and waits for room: a slow reader of ours holds the writer back instead of filling memory. */
export async function write(stream: Writable, data: string | Uint8Array): Promise<void> {
  if (stream.destroyed || stream.write(data)) return;
  // A reader that went away ends the wait; whoever writes on is told by `destroyed`.
  await untilRoom(stream);
}

/** Exactly one JSON document on stdout with `--json`, else the text for people. */
export async function report(context: CommandContext, document: unknown, text: string): Promise<void> {
  const { stdout } = context.terminal;
  const out = context.json ? asciiControls(JSON.stringify(document, undefined, 2)) : text;
  if (out !== '') await write(stdout, `${out}\n`);
}

/** Settings have values of hundreds of characters, the lists of whole presets. */
const widestPadded = 72;

/** Rows as columns, aligned; the last column is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  // What is longer pushes nothing but its own row aside.
  const fitting = (cell = '') => (cell.length > widestPadded ? 0 : cell.length);
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...rows.map((row) => fitting(row[i]))));
  return rows
    .map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join('  '))
    .join('\n');
}

/** JSON leaves some controls and all format characters as they are; as `\\u` escapes they mean the same and act on no terminal. */
export function asciiControls(json: string): string {
  return json.replace(/[\u{7f}-\u{9f}\p{Cf}]/gu, (character) =>
    [...Array(character.length).keys()]
      .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
