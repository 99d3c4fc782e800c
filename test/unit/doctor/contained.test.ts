import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { canaryImage } from '../../../src/cli/canary-image.js';
import { hostChecks } from '../../../src/doctor/host-checks.js';
import type { ContainerState, ImageSummary } from '../../../src/engine/types.js';
import { findings } from './support/host.js';

describe('the doctor in a container', () => {
  const ctx = { isContained: true };
  const check = (id: string) => hostChecks.filter((one) => one.id === id);

  it.each([
    ['socket', {}],
    ['signature-policy', {}],
    ['subids', {}],
    ['lsm', { '/sys/fs/selinux/enforce': undefined }],
    ['apparmor-profile', {}],
    ['selinux-profile', {}],
    ['kernel-settings', {}],
  ])('does not take what it sees for what the host has: %s', async (id, texts) => {
    const unseen = (await Promise.all(check(id).map((one) => findings(one, { ctx, texts })))).flat();
    expect(unseen).toContainEqual(
      expect.objectContaining({ status: 'unknown', remedy: 'On the host, as the same user: `paddock doctor`' }),
    );
  });

  it('says of limits that the engine lacks what it is sure of: not what systemd may still give', async () => {
    const lacking = { cpuLimit: false, cgroupControllers: ['memory', 'pids'] };
    for (const [cgroupManager, status] of [
      ['systemd', 'unknown'],
      ['cgroupfs', 'warn'],
    ] as const) {
      const [found] = await Promise.all(
        check('cgroups').map((one) => findings(one, { ctx, info: { ...lacking, cgroupManager } })),
      );
      expect(found).toMatchObject([{ status }]);
    }
  });
});

describe('the canary of a server in a container', () => {
  const id = 'ab'.repeat(32);
  const folder = mkdtempSync(join(tmpdir(), 'paddock-canary-'));
  const mountinfo = join(folder, 'mountinfo');
  writeFileSync(
    mountinfo,
    `1 0 0:1 / / ro - overlay overlay rw\n2 1 8:1 /containers/${id}/hostname /etc/hostname ro - ext4 /dev/vda rw\n`,
  );
  afterAll(() => rmSync(folder, { recursive: true }));
  const engine = {
    inspectContainer: () => Promise.resolve({ imageId: 'sha256:beef' } as ContainerState),
    listImages: () =>
      Promise.resolve([
        { id: 'cafe', references: ['localhost/other:1'] },
        { id: 'beef', references: ['registry.example/server:1', 'localhost/paddock/server:1'] },
      ] as unknown as ImageSummary[]),
  };

  it('is of its own image, by a name that the site lists', async () => {
    const image = await canaryImage(engine, { images: ['localhost/*'] }, undefined, mountinfo);
    expect(image).toBe('localhost/paddock/server:1');
  });

  it('is refused with the names of that image where the site lists none', async () => {
    const refused = canaryImage(engine, { images: ['localhost/other:1'] }, undefined, mountinfo);
    await expect(refused).rejects.toMatchObject({
      code: 'IMAGE_REFUSED',
      hint: expect.stringContaining('registry.example/server:1, localhost/paddock/server:1') as string,
    });
  });
});
