import { parse, TomlError } from 'smol-toml';
import type { z } from 'zod';
import { ConfigError } from '../core/errors.js';
import { safeLine } from '../kit/safe-text.js';

/** Parses a TOML file strictly. Errors are `BAD_CONFIG` and name the file, the key and, where it can be told, the line. */
export function parseToml<T>(text: string, file: string, schema: z.ZodType<T>): T {
  return checkSettings(readToml(text, file), schema, (path) => {
    const line = lineOf(text, path);
    return {
      where: line === undefined ? file : `${file}:${line}`,
      info: { file, ...(line === undefined ? {} : { line }) },
    };
  });
}

function readToml(text: string, file: string): unknown {
  try {
    return parse(text);
  } catch (thrown) {
    if (!(thrown instanceof TomlError)) throw thrown;
    const reason = safeLine(thrown.message.split('\n')[0] ?? '');
    const info = { file, line: thrown.line };
    throw new ConfigError('BAD_CONFIG', `${file}:${thrown.line}: ${reason}`, { info, cause: thrown });
  }
}

/** Where a setting came from, for a message and for `info`. */
export type Locate = (path: readonly string[]) => {
  readonly where: string;
  readonly info: Readonly<Record<string, string | number>>;
};

/** Parses settings of any source; the first problem becomes a `BAD_CONFIG` that says where it stands. */
export function checkSettings<T>(raw: unknown, schema: z.ZodType<T>, locate: Locate): T {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const path = [...(issue?.path ?? []), ...(unknown === undefined ? [] : [unknown])].map(String);
  const { where, info } = locate(path);
  const key = safeLine(path.join('.'), 100);
  const problem = unknown === undefined ? (issue?.message ?? 'not valid') : 'no such setting';
  throw new ConfigError('BAD_CONFIG', `${where}: ${key}: ${safeLine(problem)}`, { info: { ...info, key } });
}

/** The line on which a key stands, by reading table headers and keys; undefined for forms this does not follow. */
function lineOf(text: string, path: readonly string[]): number | undefined {
  const wanted = path.filter((part) => !/^\d+$/.test(part)).join('.');
  let table = '';
  for (const [index, line] of text.split('\n').entries()) {
    const header = /^\s*\[\s*([^\]]+?)\s*\]/.exec(line)?.[1];
    if (header !== undefined) table = plainKey(header);
    const key = header === undefined ? /^\s*([^=#]+?)\s*=/.exec(line)?.[1] : undefined;
    const full = key === undefined ? table : [table, plainKey(key)].filter((part) => part !== '').join('.');
    if ((header !== undefined || key !== undefined) && full === wanted) return index + 1;
  }
  return undefined;
}

function plainKey(key: string): string {
  return key.replaceAll(/["'\s]/g, '');
}
