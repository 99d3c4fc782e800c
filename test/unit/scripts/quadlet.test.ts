import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { version } from '../../../src/core/version.js';

it('shows the settings to the server of the Quadlet unit alone, where SELinux keeps containers apart', async () => {
  const unit = await readFile('systemd/quadlet/paddock.container', 'utf8');
  expect(unit).toContain('\nVolume=%h/.config/paddock-server:%h/.config/paddock-server:ro,Z\n');
});

it('names the image of this version in the Quadlet unit', async () => {
  const unit = await readFile('systemd/quadlet/paddock.container', 'utf8');
  expect(/^Image=(.*)$/m.exec(unit)?.[1]).toBe(`localhost/paddock/server:${version}`);
});
