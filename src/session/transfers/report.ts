import { PaddockError, PolicyDenied, SandboxError } from '../../core/errors.js';
import { safeLine } from '../../kit/safe-text.js';
import type { LeftOut } from '../../sandbox/files/tally.js';

/** What became of a transfer. */
export interface TransferReport {
  readonly sessionId: string;
  readonly direction: 'in' | 'out';
  /** Where the copy is, or where it came from; `-` for a stream. */
  readonly hostPath: string;
  readonly path: string;
  /** Files, folders and links that were copied; folders that were there count. */
  readonly entries: number;
  readonly bytes: number;
  /** Of a file: of its content. Of a folder: docs/files.md. */
  readonly sha256: string;
  readonly leftOut: readonly LeftOut[];
  readonly moreLeftOut: number;
}

const withheldHint = 'Look at it first; it is copied when its own path is given: as hostPath, or in named.';

/** Where all that was to be copied is one thing, and it was left out: nothing was done, which is an error. Else undefined. */
export function refusalOf({ entries, leftOut, moreLeftOut, ...rest }: TransferReport): PaddockError | undefined {
  const [one] = leftOut;
  if (entries > 0 || one?.path !== '.' || leftOut.length > 1) return undefined;
  const to = safeLine(rest.direction === 'out' ? rest.hostPath : rest.path);
  if (one.why.startsWith('withheld.')) {
    const also = moreLeftOut === 0 ? '' : `, with ${moreLeftOut} entries in it`;
    return new PolicyDenied(one.why, `${to} is withheld${also}: the host would execute or trust it`, {
      hint: withheldHint,
    });
  }
  switch (one.why) {
    case 'exists':
      return new SandboxError('FILE_EXISTS', `${to} is there already`);
    case 'refused':
      return new SandboxError('FILE_REFUSED', `${to} may not be written, or its source not be read`);
    case 'size':
    case 'no-room':
      return new PaddockError('LIMIT_REACHED', `there is no room for it at ${to} (${one.why})`, {
        hint: 'docs/files.md has the bounds of a transfer; make room, or copy less.',
      });
    default:
      return new SandboxError('FILE_KIND', `it can't be copied to ${to} (${one.why})`);
  }
}

/** For people and models. */
export function transferText(report: TransferReport, mostLines: number): string {
  const { direction, hostPath, path, entries, bytes, sha256, leftOut, moreLeftOut } = report;
  const way = direction === 'out' ? [path, hostPath] : [hostPath, path];
  const more = moreLeftOut + Math.max(0, leftOut.length - mostLines);
  return [
    `${way.map((one) => safeLine(one, 400)).join(' -> ')}: ${entries} entries, ${bytes} bytes, sha256 ${sha256}`,
    ...leftOut.slice(0, mostLines).map((one) => `left out: ${safeLine(one.path, 400)} (${one.why})`),
    ...(more === 0 ? [] : [`left out: ${more} more`]),
    ...(leftOut.some(({ why }) => why.startsWith('withheld.')) ? [`withheld: ${withheldHint}`] : []),
  ].join('\n');
}
