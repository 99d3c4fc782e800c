import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { PaddockError } from '../core/errors.js';
import { type Glob, parseGlob } from '../kit/glob.js';
import { matchPaths } from '../kit/match-paths.js';
import { MatchWork } from '../kit/match-work.js';
import { safeLine } from '../kit/safe-text.js';
import { type ListedFile, SessionFiles } from '../session/files.js';
import { defineTool } from './define-tool.js';
import { fileStatus, insidePath, resultBytes, viewStatus } from './file-fields.js';
import type { ToolServices } from './services.js';

const entry = z.object({
  path: z.string(),
  type: z.enum(['file', 'folder', 'link', 'other']),
  ...fileStatus,
  target: z.string().optional(),
  /** The name is no text, or holds control characters: this is not the name itself, and read_file does not find it by this. */
  isEscaped: z.boolean().optional(),
  /** A folder that the sandbox's user may not look into. */
  isClosed: z.boolean().optional(),
});
type Entry = z.output<typeof entry>;

const input = z.strictObject({
  sessionId: z.string().max(64),
  path: insidePath.optional(),
  depth: z.number().int().min(1).max(32).optional().describe('Default 1: only what is in it.'),
  glob: z.string().max(256).optional().describe('By the path below it, such as **/*.{ts,js}; sets depth to 32.'),
  dot: z
    .boolean()
    .optional()
    .describe('Default true. False: leave out what is or lies in a name that begins with a dot.'),
  limit: z.number().int().min(1).max(1000).optional().describe('Most entries; default what 8 kB hold.'),
  cursor: z.string().max(24_000).optional().describe('nextCursor of the page before.'),
});
type Input = z.output<typeof input>;

export const listFiles = defineTool({
  name: 'list_files',
  title: 'List files of a session',
  description:
    'Lists a folder of the session with type, size, mode and time of every entry, sorted by path, a page at a time: links are listed and ' +
    'not followed. isCut says that there is more than one call looks at (50,000 entries): name a folder further down then.',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input,
  output: z.object({
    sessionId: z.string(),
    path: z.string(),
    entries: z.array(entry),
    isCut: z.boolean(),
    nextCursor: z.string().optional(),
  }),
  async handle(services: ToolServices, args, { signal }) {
    const session = services.sessions.get(args.sessionId);
    const path = args.path ?? '.';
    const glob = globOf(args);
    const depth = args.depth ?? (args.glob === undefined ? 1 : 32);
    const { files, isCut } = await new SessionFiles(session).list(path, depth, signal);
    const after = args.cursor === undefined ? undefined : decodeCursor(args.cursor);
    const behind = after === undefined ? files : files.filter(({ path: one }) => Buffer.compare(one, after) > 0);
    const rest = await wantedOf(behind, glob, args.dot ?? true, signal);
    const { entries, nextCursor } = pageOf(rest, args.limit);
    const structured = {
      ...{ sessionId: session.id, path, entries, isCut },
      ...(nextCursor === undefined ? {} : { nextCursor }),
    };
    return { structured, text: textOf(structured) };
  },
});

function globOf({ glob, dot = true }: Input): Glob | undefined {
  if (glob === undefined) return undefined;
  const parsed = parseGlob(glob, dot);
  if (parsed === undefined) throw new PaddockError('BAD_ARGUMENT', 'glob: is no pattern that can be read');
  return parsed;
}

async function wantedOf(files: readonly ListedFile[], glob: Glob | undefined, dot: boolean, signal: AbortSignal) {
  if (glob === undefined && dot) return files;
  // Bytes that are no text become U+FFFD here, which `?` and `*` match.
  const named = files.map((file) => ({ file, path: file.path.toString('utf8') }));
  const shown = dot ? named : named.filter(({ path }) => !/(^|\/)\./.test(path));
  if (glob === undefined) return shown.map(({ file }) => file);
  const matched: ListedFile[] = [];
  await matchPaths(shown, [glob], new MatchWork(signal), ({ file }) => matched.push(file));
  return matched;
}

/** Opaque to callers: the path of the last entry they had, so that what is added or removed meanwhile shifts nothing. */
function decodeCursor(cursor: string): Buffer {
  if (!/^[A-Za-z0-9_-]+$/.test(cursor)) throw new PaddockError('BAD_ARGUMENT', 'cursor: is none of ours');
  return Buffer.from(cursor, 'base64url');
}

function pageOf(files: readonly ListedFile[], limit: number | undefined) {
  const most = limit ?? 1000;
  const mostBytes = limit === undefined ? resultBytes.usual : resultBytes.most;
  const entries: Entry[] = [];
  let bytes = 0;
  for (const file of files.slice(0, most)) {
    const one = viewEntry(file);
    bytes += Math.max(Buffer.byteLength(JSON.stringify(one)) + 1, Buffer.byteLength(lineOf(one)) + 1);
    // One at least, or nobody would get on; it is at most 16 KiB of path and as much again of target.
    if (bytes > mostBytes && entries.length > 0) break;
    entries.push(one);
  }
  const last = entries.length < files.length ? files[entries.length - 1] : undefined;
  return { entries, nextCursor: last?.path.toString('base64url') };
}

function viewEntry(file: ListedFile): Entry {
  const { text, isEscaped } = nameOf(file.path);
  return {
    ...{ path: text, type: file.type, ...viewStatus(file) },
    ...(file.target === undefined ? {} : { target: nameOf(file.target).text }),
    ...(isEscaped ? { isEscaped } : {}),
    ...(file.isClosed ? { isClosed: true } : {}),
  };
}

const mostNameChars = 4000;

/** A name as text that is safe to show. Bytes that are none, and what a terminal or a reader would act on, are shown as what they are. */
function nameOf(bytes: Buffer): { readonly text: string; readonly isEscaped: boolean } {
  const text = isUtf8(bytes)
    ? bytes.toString('utf8')
    : bytes.toString('latin1').replace(/[\x80-\xff]/g, (c) => `\\x${c.charCodeAt(0).toString(16)}`);
  const safe = safeLine(
    text.replaceAll(/[\n\t]/g, (c) => (c === '\n' ? '\\n' : '\\t')),
    mostNameChars,
  );
  return { text: safe, isEscaped: safe !== bytes.toString('utf8') };
}

function lineOf(one: Entry): string {
  const { type, mode, sizeBytes, modifiedAt, path, target, isClosed } = one;
  const to = target === undefined ? '' : ` -> ${target}`;
  return `${type} ${mode} ${sizeBytes} ${modifiedAt} ${path}${to}${isClosed === true ? ' (closed)' : ''}`;
}

function textOf(view: { path: string; entries: readonly Entry[]; isCut: boolean; nextCursor?: string }): string {
  const { path, entries, isCut, nextCursor } = view;
  return [
    `${safeLine(path)}: ${entries.length === 0 ? 'nothing' : `${entries.length} entries`}`,
    ...entries.map(lineOf),
    ...(nextCursor === undefined ? [] : [`more with cursor ${nextCursor}`]),
    ...(isCut ? ['there is more than one call looks at: list a folder further down'] : []),
  ].join('\n');
}
