import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AuditLog, openAudit } from '../../../../src/audit/audit-log.js';
import type { AuditRecord } from '../../../../src/audit/record.js';
import type { RotationLimits } from '../../../../src/audit/rotation.js';
import type { Clock } from '../../../../src/kit/clock.js';
import { systemClock } from '../../../../src/kit/clock.js';

export interface Folder extends AsyncDisposable {
  readonly dir: string;
  readonly path: string;
}

export async function folder(): Promise<Folder> {
  const dir = await mkdtemp(join(tmpdir(), 'paddock-audit-'));
  return {
    dir,
    path: join(dir, 'audit.jsonl'),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

export const caller = { uid: process.getuid?.() ?? 0, user: 'ada' };
export const session = 'pdk_abcdefghijklmnopqrstuvwxyz';

export function openAt(path: string, clock: Clock = systemClock, rotation: RotationLimits = {}): Promise<AuditLog> {
  return openAudit({ path, createParent: false, caller, version: '0.1.0', clock, rotation });
}

export async function lines(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8');
  return text.split('\n').slice(0, -1);
}

export async function records(path: string): Promise<AuditRecord[]> {
  return (await lines(path)).filter((line) => line !== '').map((line) => JSON.parse(line) as AuditRecord);
}

export async function* bytesOf(...parts: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield await Promise.resolve(Buffer.from(part));
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
