import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containersOf } from '../e2e/support/left-overs.js';
import { Place } from '../e2e/support/place.js';
import { RawServer } from '../e2e/support/raw-server.js';
import { engineKinds, uniqueName } from '../engine/support/engines.js';
import { linkUnits, unlinkUnits } from './support/linked-units.js';
import { lacksManager, property, systemctl } from './support/user-manager.js';

describe.each(engineKinds)('the timer for systemd user managers, on %s', (kind) => {
  const unit = uniqueName('paddock-prune');
  let place: Place;
  beforeEach(async () => {
    place = await Place.make(kind);
  });
  afterEach(async () => {
    unlinkUnits(unit);
    await place[Symbol.asyncDispose]();
  });

  it('removes what a killed server left (systemd)', async ({ skip }) => {
    skip(lacksManager(), 'there is no systemd user manager here');
    const server = await RawServer.start(place);
    const { sessionId } = await server.use<{ sessionId: string }>('create_session', { workspace: 'none' });
    server.child.kill('SIGKILL');
    await server.exited;
    expect(await place.recordFiles()).toContain(`${sessionId}.json`);
    await linkUnits(place, 'paddock-prune', unit, '[Timer]\nOnActiveSec=1s\nAccuracySec=100ms\n');
    const { status, stderr } = systemctl('start', `${unit}.timer`);
    expect([status, stderr]).toEqual([0, '']);
    await expect.poll(() => place.recordFiles(), { timeout: 90_000, interval: 500 }).toEqual([]);
    expect(await containersOf(place, kind)).toEqual([]);
    await expect.poll(() => property(`${unit}.service`, 'Result')).toBe('success');
    expect(await readFile(place.auditLog, 'utf8')).toContain('session.prune');
  });
});
