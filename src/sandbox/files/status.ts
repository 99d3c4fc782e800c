const types = { f: 'file', d: 'folder', l: 'link', o: 'other' } as const;

export const fileTypes = ['file', 'folder', 'link', 'other'] as const;
export type FileType = (typeof fileTypes)[number];

/** What the sandbox says of one of its files. */
export interface FileStatus {
  readonly type: FileType;
  /** Permission bits and set-user-ID and the like, as they are inside. */
  readonly mode: number;
  readonly sizeBytes: number;
  /** Epoch milliseconds; a file inside may have any. */
  readonly mtimeMs: number;
}

const form = /^([fdlo]) ([0-7]{1,4}) (\d{1,19}) (-?\d{1,19})\.(\d{9}) ?(.*)$/s;
/** The most that a Date can be. */
const mostMs = 8.64e15;

/** Reads what the program inside writes of a file, and gives what follows it; undefined when it is not that. */
export function parseStatus(text: string): { readonly status: FileStatus; readonly rest: string } | undefined {
  const found = form.exec(text);
  if (found === null) return undefined;
  const [, type = 'o', mode = '', size = '', seconds = '', nanoseconds = '', rest = ''] = found;
  const mtimeMs = Math.max(-mostMs, Math.min(mostMs, Number(seconds) * 1000 + Math.floor(Number(nanoseconds) / 1e6)));
  const sizeBytes = Math.min(Number(size), Number.MAX_SAFE_INTEGER);
  const status = { type: types[type as keyof typeof types], mode: Number.parseInt(mode, 8), sizeBytes, mtimeMs };
  return { status, rest };
}
