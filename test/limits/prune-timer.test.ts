import { appendFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containersOf } from '../e2e/support/left-overs.js';
import { mainScript, Place } from '../e2e/support/place.js';
import { RawServer } from '../e2e/support/raw-server.js';
import { engineKinds, uniqueName } from '../engine/support/engines.js';
import { lacksManager, property, systemctl } from './support/user-manager.js';

describe.each(engineKinds)('the timer for systemd user managers, on %s', (kind) => {
  const unit = uniqueName('paddock-prune');
  let place: Place;
  beforeEach(async () => {
    place = await Place.make(kind);
  });
  afterEach(async () => {
    systemctl('stop', `${unit}.timer`, `${unit}.service`);
    systemctl('disable', '--runtime', `${unit}.timer`, `${unit}.service`);
    systemctl('reset-failed', `${unit}.service`);
    await place[Symbol.asyncDispose]();
  });

  /** The units as they are shipped, under a name of their own, with `paddock` and its folders where this test has them. */
  async function link(): Promise<void> {
    const [units, bin] = [join(place.root, 'units'), join(place.root, 'bin')];
    await mkdir(bin);
    await writeFile(join(bin, 'paddock'), `#!/bin/sh\nexec ${process.execPath} ${mainScript} "$@"\n`, { mode: 0o755 });
    for (const suffix of ['service', 'timer'])
      await cp(`systemd/paddock-prune.${suffix}`, join(units, `${unit}.${suffix}`));
    const env = Object.entries({ ...place.env, PATH: `${bin}:/usr/bin:/bin` });
    const lines = env.map(([name, value]) => `Environment="${name}=${value}"`);
    await appendFile(join(units, `${unit}.service`), `[Service]\n${lines.join('\n')}\n`);
    await appendFile(join(units, `${unit}.timer`), '[Timer]\nOnActiveSec=1s\nAccuracySec=100ms\n');
    for (const suffix of ['service', 'timer']) {
      const { status, stderr } = systemctl('link', '--runtime', join(units, `${unit}.${suffix}`));
      expect([status, stderr]).toEqual([0, expect.any(String)]);
    }
  }

  it('removes what a killed server left (systemd)', async ({ skip }) => {
    skip(lacksManager(), 'there is no systemd user manager here');
    const server = await RawServer.start(place);
    const { sessionId } = await server.use<{ sessionId: string }>('create_session', { workspace: 'none' });
    server.child.kill('SIGKILL');
    await server.exited;
    expect(await place.recordFiles()).toContain(`${sessionId}.json`);
    await link();
    const { status, stderr } = systemctl('start', `${unit}.timer`);
    expect([status, stderr]).toEqual([0, '']);
    await expect.poll(() => place.recordFiles(), { timeout: 90_000, interval: 500 }).toEqual([]);
    expect(await containersOf(place, kind)).toEqual([]);
    await expect.poll(() => property(`${unit}.service`, 'Result')).toBe('success');
    expect(await readFile(place.auditLog, 'utf8')).toContain('session.prune');
  });
});
