import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { canaryImage } from '../../../src/cli/canary-image.js';
import { builtInPolicy } from '../../../src/config/built-in-policy.js';
import { checklistChecks } from '../../../src/doctor/checklist/boxes.js';
import { hostChecks } from '../../../src/doctor/host-checks.js';
import type { ImageSummary } from '../../../src/engine/image-types.js';
import type { ContainerState } from '../../../src/engine/types.js';
import { systemClock } from '../../../src/kit/clock.js';
import { findings, hostWith, type Illness } from './support/host.js';

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

describe('the checklist in a container', () => {
  const site = builtInPolicy('/home/ada');
  const settings = ['/home/ada/.config/paddock-server/paddock/config.toml', '/etc/paddock/policy.toml'];
  const { paths } = hostWith({});
  const ctx = {
    isContained: true,
    sitePolicy: { ...site, images: ['localhost/*'] },
    paths: { ...paths, settings, stateDir: '/state of/x' },
  };
  const own = (id: string, illness: Illness) =>
    Promise.all(checklistChecks.filter((one) => one.id === id).map((one) => findings(one, illness)));

  it('does not say of a plan for incidents or of a scanner that the host has none', async () => {
    const onHost = expect.stringMatching(/^On the host, as the same user: `paddock doctor --checklist`/) as unknown;
    const [plan] = await own('incident-plan', { ctx });
    expect(plan).toMatchObject([{ status: 'unknown', remedy: onHost }]);
    const [scanning = []] = await own('scanning', { ctx });
    expect(scanning.find(({ part }) => part === 'scanner')).toMatchObject({ status: 'unknown', remedy: onHost });
    // The scans that sessions are judged by are this server's own.
    const age = {
      status: 'warn',
      remedy: expect.stringContaining("PADDOCK_STATE_DIR='/state of/x' paddock image scan"),
    };
    expect(scanning.find(({ part }) => part === 'age')).toMatchObject(age);
  });

  it('takes a plan that lies with the settings which the container was given, and a scanner that it has', async () => {
    const plan = '/home/ada/.config/paddock-server/paddock/incident-plan.md';
    const files = { [plan]: { mode: 0o644, modifiedAtMs: Date.now() } };
    const scanners = () => Promise.resolve(['trivy']);
    const illness = {
      ctx: { ...ctx, scanners, clock: systemClock },
      files,
      texts: { [plan]: 'Call Ada. '.repeat(40) },
    };
    expect(await own('incident-plan', illness)).toMatchObject([[{ status: 'pass' }]]);
    const [scanning = []] = await own('scanning', illness);
    expect(scanning.find(({ part }) => part === 'scanner')).toMatchObject({ status: 'pass', evidence: 'trivy' });
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
