import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { keeperGone } from '../e2e/support/keeper.js';
import { document, paddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { engineKinds } from '../engine/support/engines.js';

it.each(engineKinds)(
  'the keeper on %s writes what it counts where the settings say, while it is there',
  async (kind) => {
    await using place = await Place.make(kind);
    const [config, file] = [join(place.root, 'config'), join(place.root, 'keeper.prom')];
    await mkdir(join(config, 'paddock'), { recursive: true });
    await writeFile(join(config, 'paddock', 'config.toml'), `[metrics]\nkeeper_file = "${file}"\n`);
    const env = { XDG_CONFIG_HOME: config };
    const made = await paddock(place, ['create', '--json', '--workspace', 'none'], { env });
    const id = String(document(made)['sessionId']);
    const ran = await paddock(place, ['exec', id, '--', '/usr/bin/true'], { env });
    expect([ran.status, ran.stderr]).toEqual([0, '']);
    const read = async () => await readFile(file, 'utf8').catch(() => '');
    await expect.poll(read, { timeout: 60_000 }).toMatch(/^paddock_sessions\{process="keeper"\} \d$/m);
    expect(await readFile(file, 'utf8')).not.toContain(id);
    await paddock(place, ['rm', id], { env });
    await keeperGone(place);
    await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
  },
);
