import { appendFile, cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { mainScript, type Place } from '../../e2e/support/place.js';
import { systemctl } from './user-manager.js';

/**
 * A timer and its service as they are shipped, under a name of their own, with `paddock` and its folders where the place has them.
 * `timer` is added to the end of that. `unlinkUnits` takes them away.
 */
export async function linkUnits(place: Place, shipped: string, unit: string, timer = ''): Promise<void> {
  const [units, bin] = [join(place.root, 'units'), join(place.root, 'bin')];
  await mkdir(bin);
  await writeFile(join(bin, 'paddock'), `#!/bin/sh\nexec ${process.execPath} ${mainScript} "$@"\n`, { mode: 0o755 });
  for (const suffix of ['service', 'timer']) await cp(`systemd/${shipped}.${suffix}`, join(units, `${unit}.${suffix}`));
  const env = Object.entries({ ...place.env, PATH: `${bin}:/usr/bin:/bin` });
  const lines = env.map(([name, value]) => `Environment="${name}=${value}"`);
  await appendFile(join(units, `${unit}.service`), `[Service]\n${lines.join('\n')}\n`);
  await appendFile(join(units, `${unit}.timer`), timer);
  for (const suffix of ['service', 'timer']) {
    const { status, stderr } = systemctl('link', '--runtime', join(units, `${unit}.${suffix}`));
    expect([status, stderr]).toEqual([0, expect.any(String)]);
  }
}

export function unlinkUnits(unit: string): void {
  systemctl('stop', `${unit}.timer`, `${unit}.service`);
  systemctl('disable', '--runtime', `${unit}.timer`, `${unit}.service`);
  systemctl('reset-failed', `${unit}.service`);
}
