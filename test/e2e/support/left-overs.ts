import { readdirSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { labels } from '../../../src/core/labels.js';
import type { EngineKind } from '../../../src/engine/types.js';
import { openTestEngine } from '../../engine/support/engines.js';
import type { Place } from './place.js';

/** Everything of a place's sessions that is still there, in words; empty when nothing is. */
export async function leftOvers(place: Place, kinds: readonly EngineKind[]): Promise<string[]> {
  const containers = await Promise.all(kinds.map((kind) => containersOf(place, kind)));
  const records = await place.recordFiles();
  return [
    ...containers.flat().map((id) => `container ${id}`),
    ...records.map((name) => `record ${name}`),
    ...processesNaming(place.stateDir).map((one) => `process ${one.pid} ${one.command}`),
    ...processesNaming(place.project).map((one) => `process ${one.pid} ${one.command}`),
  ];
}

/** Containers that carry the id of a session that was begun in this place. */
export async function containersOf(place: Place, kind: EngineKind): Promise<string[]> {
  const ids = await place.sessionIds();
  await using engine = await openTestEngine(kind);
  const all = await engine.listContainers([labels.session]);
  return all.filter((one) => ids.includes(one.labels[labels.session] ?? '')).map((one) => one.id);
}

/** Folders of Podman services that this user's Paddock processes started. */
export async function serviceFolders(runtimeDir: string): Promise<string[]> {
  const names = await readdir(join(runtimeDir, 'paddock')).catch(() => []);
  return names.filter((name) => name.startsWith('engine-'));
}

/**
 * Processes whose command line, environment or mounts speak of `text`. Every sandbox mounts our process 1 from the
 * state folder, so that all that runs in one is found by the folder's path. `commands`: only those whose command line fits, which
 * is told sooner.
 */
export function processesNaming(text: string, commands = /^/): { pid: number; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => commands.test(commandOf(name)))
    .filter((name) => ['cmdline', 'environ', 'mountinfo'].some((file) => read(`/proc/${name}/${file}`).includes(text)))
    .filter((name) => !/^State:\s+[ZX]/m.test(read(`/proc/${name}/status`)))
    .map((name) => ({ pid: Number(name), command: commandOf(name) }));
}

const commandOf = (pid: string): string => read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').slice(0, 120);

/** Processes whose command line holds `text`. */
export function commandsNaming(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && read(`/proc/${name}/cmdline`).includes(text))
    .map(Number);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
