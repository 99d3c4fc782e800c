import { readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openAudit } from '../../src/audit/audit-log.js';
import { systemClock } from '../../src/kit/clock.js';
import { Place } from '../e2e/support/place.js';
import { uniqueName } from '../engine/support/engines.js';
import { linkUnits, unlinkUnits } from './support/linked-units.js';
import { lacksManager, property, stateOf, systemctl } from './support/user-manager.js';

const unit = uniqueName('paddock-audit-verify');
const service = `${unit}.service`;
let place: Place;
beforeEach(async () => {
  place = await Place.make();
});
afterEach(async () => {
  unlinkUnits(unit);
  await place[Symbol.asyncDispose]();
});

it('the timer that verifies the log is set, and its service fails with 8 where a line was changed (systemd)', async ({
  skip,
}) => {
  skip(lacksManager(), 'there is no systemd user manager here');
  const caller = { uid: process.getuid?.() ?? 0, user: userInfo().username };
  const about = { path: place.auditLog, createParent: true, caller, version: '0.1.0', clock: systemClock };
  await (await openAudit(about))[Symbol.asyncDispose]();
  await linkUnits(place, 'paddock-audit-verify', unit);
  expect(systemctl('start', `${unit}.timer`).status).toBe(0);
  expect(property(`${unit}.timer`, 'ActiveState')).toBe('active');
  expect(property(`${unit}.timer`, 'NextElapseUSecRealtime')).not.toBe('');
  expect([systemctl('start', service).status, stateOf(service)]).toEqual([0, 'inactive success']);

  const text = await readFile(place.auditLog, 'utf8');
  await writeFile(place.auditLog, text.replace('"seq":0', '"seq":9'));
  expect(systemctl('start', service).status).not.toBe(0);
  expect([stateOf(service), property(service, 'ExecMainStatus')]).toEqual(['failed exit-code', '8']);
});
