import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { HttpServer } from '../e2e/support/http-server.js';
import { leftOvers } from '../e2e/support/left-overs.js';
import { Place } from '../e2e/support/place.js';
import { engineKinds } from '../engine/support/engines.js';
import { readPrometheusText } from '../support/prometheus-text.js';

it.each(engineKinds)(
  'a server for others on %s proves that sandboxes are what they should be, else nothing begins',
  async (kind) => {
    await using place = await Place.make(kind);
    const file = join(place.root, 'paddock.prom');
    const flags = ['--metrics-file', file, '--metrics-every', '1s'];
    const sample = async (name: string) =>
      readPrometheusText(await readFile(file, 'utf8').catch(() => '')).get(`paddock_canary_${name}`);
    const served = async (policy: string) => {
      const config = join(place.root, 'config', 'paddock');
      await mkdir(config, { recursive: true });
      await writeFile(join(config, 'config.toml'), `[policy]\ncanary_required = true\n${policy}`);
      return await HttpServer.start(place, flags, { XDG_CONFIG_HOME: join(place.root, 'config') });
    };
    {
      await using server = await served('');
      await using ada = await server.client('ada', '--tools', 'sessions,read', '--root', place.project);
      const made = await ada.call('create_session', { workspace: 'none' });
      expect([made.isError, made.text]).toEqual([false, expect.stringContaining('pdk_')]);
      // Beside the canary, that is hers alone.
      const { sessions } = (await ada.call('list_sessions')).structured;
      expect(sessions).toMatchObject([{ sessionId: made.structured['sessionId'] }]);
      await expect.poll(() => sample('ok'), { timeout: 60_000 }).toBe(1);
      expect(await sample('runs_total{result="ok"}')).toBe(1);
      // A key's own canary, which it may not have made or can remove, is none of the server's.
      await using cara = await server.client('cara', '--tools', 'check', '--root', place.project, '--memory', '32m');
      const { checks } = (await cara.call('check_host')).structured as { checks: { id: string; status: string }[] };
      expect(checks.find(({ id }) => id === 'canary')).toMatchObject({ status: 'fail' });
      await server.terminate();
    }
    {
      // No kernel has both in use.
      await using server = await served('require = ["apparmor", "selinux"]\n');
      await using bob = await server.client('bob', '--tools', 'sessions,read', '--root', place.project);
      const refused = await bob.call('create_session', { workspace: 'none' });
      expect([refused.code, refused.text]).toEqual(['CONTROL_NOT_ENFORCED', expect.stringContaining('canary')]);
      expect((await bob.call('list_sessions')).structured).toMatchObject({ sessions: [] });
      await expect.poll(() => sample('ok'), { timeout: 60_000 }).toBe(0);
      await server.terminate();
    }
    const alarms = (await place.audit()).filter(({ action }) => action === 'session.alarm');
    expect(alarms).toMatchObject([{ details: { kind: 'canary', level: 'critical' } }]);
    expect(await leftOvers(place, [kind])).toEqual([]);
  },
);
