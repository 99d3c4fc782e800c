import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { document, paddock } from './paddock.js';
import type { Place } from './place.js';

/** Prunes, and once more as if a minute had passed: so long a creation that was cut off may still come up. */
export async function pruneAll(place: Place, env: Record<string, string> = {}): Promise<Record<string, unknown>> {
  await prune(place, env);
  await age(join(place.stateDir, 'sessions'), 61_000);
  return prune(place, env);
}

async function prune(place: Place, env: Record<string, string>): Promise<Record<string, unknown>> {
  const result = await paddock(place, ['prune', '--json'], { env });
  expect([result.status, result.stderr]).toEqual([0, '']);
  return document(result);
}

/** Makes every record, and every file beside them, older. */
async function age(folder: string, byMs: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (name.endsWith('.json')) {
      const record = JSON.parse(await readFile(path, 'utf8')) as { createdAtMs: number };
      await writeFile(path, JSON.stringify({ ...record, createdAtMs: record.createdAtMs - byMs }));
    }
    const then = new Date(Date.now() - byMs);
    await utimes(path, then, then);
  }
}
