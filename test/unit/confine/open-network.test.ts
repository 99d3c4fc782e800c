import { link, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isClosed } from '../../../src/confine/judge/open-network.js';
import { networkHelpersOf } from '../../../src/confine/observe-network.js';
import { hardened, request, rowOf } from './support/sandbox.js';

const open = { spec: { ...request.spec, network: 'open' as const }, claims: { networkMode: 'slirp4netns' } };
const slirp = (...more: string[]) => ({ name: 'slirp4netns' as const, argv: ['slirp4netns', ...more, '7', 'tap0'] });
const interfaces = ['lo', 'tap0'];

describe('the network of a sandbox with open', () => {
  it('is enforced when everybody who joins it to another keeps the host’s loopback closed', () => {
    const networkHelpers = [slirp('--disable-host-loopback')];
    const row = rowOf('network', { interfaces, networkHelpers }, open);
    expect(row).toMatchObject({ status: 'enforced', engine: 'slirp4netns', kernel: 'lo tap0, by slirp4netns' });
  });

  it('is absent when one of them does not, whatever another says', () => {
    const networkHelpers = [slirp('--disable-host-loopback'), slirp()];
    expect(rowOf('network', { interfaces, networkHelpers }, open)).toMatchObject({
      status: 'absent',
      note: expect.stringContaining('loopback can be reached'),
    });
  });

  it('is unknown when nobody is found, and absent in a namespace of the host’s', () => {
    expect(rowOf('network', { interfaces, networkHelpers: [] }, open).status).toBe('unknown');
    const namespaces = { ...hardened.namespaces, net: hardened.ownNamespaces.net };
    const networkHelpers = [slirp('--disable-host-loopback')];
    expect(rowOf('network', { interfaces, networkHelpers, namespaces }, open).status).toBe('absent');
  });

  it('is unknown when all that is known of one is its name, which is said; it takes nothing from another who is known', () => {
    const unread = { name: 'pasta' as const, argv: undefined };
    expect(rowOf('network', { interfaces, networkHelpers: [unread] }, open)).toMatchObject({
      status: 'unknown',
      note: expect.stringContaining('does not show of whom these carry packets: pasta.'),
    });
    const networkHelpers = [unread, slirp('--disable-host-loopback')];
    expect(rowOf('network', { interfaces, networkHelpers }, open).status).toBe('enforced');
  });

  const ports = '-t none -u none -T none -U none';
  it.each([
    [`--config-net ${ports} --no-map-gw --map-guest-addr none --netns /proc/7/ns/net`, true],
    [`${ports} --map-host-loopback none --map-guest-addr=none`, true],
    ['--no-map-gw --tcp-ns none --udp-ns=none', true],
    [ports, false],
    [`${ports} --no-map-gw --map-guest-addr 169.254.1.2`, false],
    [`${ports} --no-map-gw --map-host-loopback 169.254.1.3`, false],
    [`${ports} --no-map-gw --map-host-loopback none --map-host-loopback 169.254.1.3`, false],
    [`${ports} --no-map-gw --map-gw`, false],
    ['-t none -u none --no-map-gw', false],
    ['-T auto -U none --no-map-gw', false],
    [`${ports} --no-map-gw -T80`, false],
    [`${ports} --no-map-gw --udp-n 53`, false],
    [`${ports} --no-map-gw --map-host=169.254.1.3`, false],
    [`${ports} --no-map-gw --map-guest none`, true],
    ['-Tnone -Unone --no-map-gw', false],
    ['--no-map-gw -T', false],
    // As RootlessKit 2 starts it: ports that something outside has on its loopback are had inside by themselves then.
    ['--stderr --ns-ifname=tap0 --config-net --no-map-gw --ipv4-only --tcp-ports=none --udp-ports=none 7', false],
    ['--stderr --config-net --no-map-gw --tcp-ports=auto --udp-ports=auto --userns=/proc/7/ns/user --netns=/x', false],
  ])('joined by pasta %s keeps it closed: %s', (words, expected) => {
    expect(isClosed({ name: 'pasta', argv: ['pasta', ...words.split(' ')] })).toBe(expected);
  });
});

describe('who joins a network namespace to another', () => {
  let proc: string;
  beforeEach(async () => {
    proc = await mkdtemp(join(tmpdir(), 'paddock-helpers-'));
    await addProcess('self', 'node', [], { pid: 'pid:[1]', net: 'net:[1]', user: 'user:[1]' });
    await addProcess(7, 'paddock-init', [], { pid: 'pid:[9]', net: 'net:[3]' });
  });
  afterEach(() => rm(proc, { recursive: true, force: true }));

  async function addProcess(
    pid: number | 'self',
    comm: string,
    argv: string[],
    ns: Record<string, string>,
  ): Promise<void> {
    const folder = join(proc, String(pid));
    await mkdir(join(folder, 'ns'), { recursive: true });
    const rest = ['S', '1', ...Array<string>(50).fill('1')].join(' ');
    await writeFile(join(folder, 'stat'), `${pid} (${comm}) ${rest}\n`);
    await writeFile(join(folder, 'cmdline'), argv.map((word) => `${word}\0`).join(''));
    for (const [kind, id] of Object.entries(ns)) await symlink(id, join(folder, 'ns', kind));
  }

  const outside = { pid: 'pid:[1]', net: 'net:[1]' };
  const find = (netns: readonly (string | undefined)[], monitorPid?: number) =>
    networkHelpersOf({ netns, monitorPid }, proc);

  it.each([
    ['slirp4netns', ['slirp4netns', '--disable-host-loopback', '7', 'tap0']],
    ['pasta', ['pasta', '--netns', '/proc/7/ns/net']],
    ['pasta', ['pasta', '--netns=/proc/7/ns/net']],
    ['pasta.avx2', ['pasta', '--config-net', '7']],
  ])('is found by the process it was started for: %s', async (comm, argv) => {
    await addProcess(20, comm, argv, outside);
    expect(find(['net:[3]'])).toMatchObject([{ argv }]);
    expect(find(['net:[4]', undefined])).toEqual([]);
  });

  it('is nobody who only has the name, nor one who lives in a sandbox', async () => {
    await addProcess(20, 'slirp4netns', ['slirp4netns', '8', 'tap0'], outside);
    await addProcess(21, 'slirp4netns', ['slirp4netns', '--disable-host-loopback', '7'], {
      ...outside,
      pid: 'pid:[9]',
    });
    await addProcess(22, 'sh', ['slirp4netns', '--disable-host-loopback', '7'], outside);
    expect(find(['net:[3]'])).toEqual([]);
  });

  describe('with the names that Podman gives network namespaces', () => {
    const place = '/run/user/1/netns/netns-1';
    const pasta = ['pasta', '--no-map-gw', '--netns', place];
    /** As pasta locks itself in: in the host's network, and in the user namespace of the engine. */
    const locked = { pid: 'pid:[8]', net: 'net:[1]', user: 'user:[5]' };
    let netns: string;

    beforeEach(async () => {
      await addProcess(12, 'conmon', [], { pid: 'pid:[1]', user: 'user:[5]' });
      // Stands for the file system of namespaces: here all are on one.
      await writeFile(join(proc, '12/ns/net'), '');
      const file = join(proc, '12/root', place);
      await mkdir(dirname(file), { recursive: true });
      await link(join(proc, '12/ns/net'), file);
      netns = `net:[${(await stat(file)).ino}]`;
    });

    it.each([
      ['pasta.avx2', pasta],
      ['pasta', ['pasta', `--netns=${place}`]],
      ['slirp4netns', ['slirp4netns', '--netns-type=path', place, 'tap0']],
    ])('is found by what the file is in the engine’s own mount namespace: %s', async (comm, argv) => {
      await addProcess(20, comm, argv, locked);
      expect(find([netns], 12)).toMatchObject([{ argv }]);
      expect(find(['net:[3]'], 12)).toEqual([]);
      expect(find([netns])).toEqual([]);
    });

    it('is nobody who names a file that is no network namespace, or is not there', async () => {
      await rm(join(proc, '12/ns/net'));
      await symlink('/proc/self/ns/net', join(proc, '12/ns/net'));
      await addProcess(20, 'pasta', pasta, locked);
      await addProcess(21, 'pasta', ['pasta', '--netns', '/run/user/1/netns/gone'], locked);
      expect(find([netns], 12)).toEqual([]);
    });

    it.each([
      ['in a network of its own', { ...locked, net: 'net:[3]' }],
      ['in a user namespace of its own', { ...locked, user: 'user:[6]' }],
      ['in one that can’t be read', { pid: 'pid:[8]', net: 'net:[1]' }],
    ])('is nobody of another pid namespace %s: a program in a sandbox may have any name', async (_, ns) => {
      await addProcess(20, 'pasta', pasta, ns);
      expect(find([netns], 12)).toEqual([]);
    });

    it('is known by its name alone where the kernel does not show its namespaces, if it is of our user', async () => {
      await addProcess(20, 'pasta', pasta, {});
      await addProcess(21, 'pasta', pasta, {});
      for (const [who, uid] of [
        ['self', 7],
        ['20', 7],
        ['21', 8],
      ]) {
        await writeFile(join(proc, `${who}/status`), `Uid:\t${uid}\t${uid}\t${uid}\t${uid}\n`);
      }
      expect(find([netns], 12)).toEqual([{ name: 'pasta', argv: undefined }]);
    });
  });
});
