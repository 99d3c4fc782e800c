import { safeText } from '../../kit/safe-text.js';
import { textOf } from './stamp.js';

/** Of people's names for files: they join letters of Persian or of an emoji, and change nothing else. */
const joiners = /[\u{200c}\u{200d}]/gu;

/** How a path below the project is written, and whether all of it is text that means what it shows. */
export interface ShownPath {
  readonly path: string;
  readonly isPlain: boolean;
}

export const topPath: ShownPath = { path: '', isPlain: true };

/** The path of what has that name in a folder. What is no text is shown with escapes, and only ever shown. */
export function pathBelow(folder: ShownPath, name: Buffer): ShownPath {
  const text = textOf(name);
  const isPlain = text !== undefined && isPlainName(text);
  const shown = isPlain ? text : escaped(name);
  return { path: folder.path === '' ? shown : `${folder.path}/${shown}`, isPlain: folder.isPlain && isPlain };
}

/** Whether a link that lies so many folders below the project leads out of it, or may. */
export function leadsOut(target: string, depth: number): boolean {
  if (target.startsWith('/')) return true;
  const names = target.split('/').filter((name) => name !== '' && name !== '.');
  const rest = names.findIndex((name) => name !== '..');
  const up = rest < 0 ? names.length : rest;
  // Behind a name `..` leads up from wherever that name leads, which may be a link of its own.
  return up > depth || names.slice(up).includes('..');
}

function isPlainName(text: string): boolean {
  return (
    !/[\t\n\u{2028}\u{2029}]/u.test(text) &&
    safeText(text.replace(joiners, ''), text.length) === text.replace(joiners, '')
  );
}

function escaped(name: Buffer): string {
  const text = textOf(name);
  if (text === undefined) return name.toString('latin1').replace(/[^ -~]/g, byteEscape);
  return safeText(text, text.length).replace(
    /[\t\n\u{2028}\u{2029}]/gu,
    (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

function byteEscape(byte: string): string {
  return `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
