import { canonicalJson } from '../canonical.js';
import type { AuditEntry } from '../read.js';

const columns = [
  ...['time', 'file', 'chain', 'seq', 'phase', 'id', 'action', 'session', 'uid', 'user', 'client', 'keyHash'],
  ...['verdict', 'rule', 'result', 'details', 'problem'],
] as const;

/** The first row, with its line end (RFC 4180). */
export const csvHeader = `${columns.join(',')}\r\n`;

/** One row. */
export function csvRow({ file, record, problem }: AuditEntry): string {
  const { caller, details, ...plain } = record ?? {};
  const client = caller?.client && `${caller.client.name} ${caller.client.version}`;
  const row: Partial<Record<(typeof columns)[number], unknown>> = {
    ...plain,
    ...{ file, problem, uid: caller?.uid, user: caller?.user, client, keyHash: caller?.keyHash },
    details: details && canonicalJson(details),
  };
  return `${columns.map((column) => cell(row[column])).join(',')}\r\n`;
}

/**
 * Names of clients and hosts are foreign: a cell that begins as a formula does would be one where the file is opened
 * as a sheet, and could send other cells away. An apostrophe makes it text.
 */
function cell(value: unknown): string {
  if (value === undefined || value === null) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const harmless = /^[\s\0]*[=+\-@|%\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
