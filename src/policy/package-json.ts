import { z } from 'zod';
import type { FileContent } from './file-content.js';

/** Fields of a package.json that say what is run, or where more of them are. */
const running = [
  'scripts',
  'bin',
  'workspaces',
  'packageManager',
  'gypfile',
  'binary',
  'directories',
  'config',
] as const;
/** Settings that tools take from it: each can name a program. */
const tools = [
  ...['husky', 'lint-staged', 'simple-git-hooks', 'pre-commit', 'gitHooks', 'nano-staged', 'eslintConfig', 'prettier'],
  ...[
    'stylelint',
    'babel',
    'jest',
    'mocha',
    'ava',
    'nyc',
    'pnpm',
    'volta',
    'devEngines',
    'wireit',
    'contributes',
    'activationEvents',
  ],
] as const;
/** What goes into one message. */
const mostShown = 32;

const objectSchema = z.record(z.string(), z.unknown());

export function isPackageJson(path: string): boolean {
  return /(?:^|\/)package\.json$/i.test(path);
}

/** What would be run otherwise than before, as `scripts.test` or `bin`; empty where nothing would. What can not be read counts as different. */
export function differsInRunning(before: FileContent, after: FileContent): readonly string[] {
  try {
    return differences(parsed(before), parsed(after));
  } catch {
    // Nested more deeply than can be written again.
    return ['unreadable'];
  }
}

function differences(
  old: Record<string, unknown> | undefined,
  fresh: Record<string, unknown> | undefined,
): readonly string[] {
  if (fresh === undefined) return ['unreadable'];
  const base = old ?? {};
  const isNew = (key: string) => old === undefined || !isEqual(base[key], fresh[key]);
  const named = [...running.slice(1), ...tools].filter((key) => isNew(key) && (key in base || key in fresh));
  const found = [...scripts(old?.['scripts'], fresh['scripts']), ...named];
  return found.slice(0, mostShown);
}

function scripts(before: unknown, after: unknown): readonly string[] {
  const [old, fresh] = [objectSchema.safeParse(before ?? {}), objectSchema.safeParse(after ?? {})];
  if (!old.success || !fresh.success) return isEqual(before, after) ? [] : ['scripts'];
  const names = new Set([...Object.keys(old.data), ...Object.keys(fresh.data)]);
  return [...names].filter((name) => !isEqual(old.data[name], fresh.data[name])).map((name) => `scripts.${name}`);
}

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function parsed(content: FileContent): Record<string, unknown> | undefined {
  if (content === 'none') return {};
  if (content === 'unknown') return undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(content);
    return objectSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
