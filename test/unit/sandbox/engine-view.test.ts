import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isContained } from '../../../src/cli/contained.js';
import { viewHere } from '../../../src/cli/view-here.js';
import { EngineError, PaddockError } from '../../../src/core/errors.js';
import type { BoundFolder, ContainerState } from '../../../src/engine/types.js';
import { EngineView } from '../../../src/sandbox/engine-view.js';

type Discretion = ConstructorParameters<typeof EngineView>[1];

const id = 'ab'.repeat(32);
const folder = mkdtempSync(join(tmpdir(), 'paddock-view-'));
const table = (name: string, ...lines: readonly string[]) => {
  const path = join(folder, name);
  writeFileSync(path, ['1 0 0:1 / / ro - overlay overlay rw', ...lines, ''].join('\n'));
  return path;
};
const hostname = `2 1 8:1 /run/overlay-containers/${id}/userdata/hostname /etc/hostname ro - ext4 /dev/vda rw`;
const inside = table(
  'inside',
  ...[hostname, '3 1 8:1 /home/ann/p /home/ann/p rw - ext4 /dev/vda rw'],
  ...['4 1 8:1 /srv/x /home/ann/moved rw - ext4 /dev/vda rw', '5 3 0:9 / /home/ann/p/tmp rw - tmpfs tmpfs rw'],
);
const outside = table('outside', '2 1 8:1 /home /home rw - ext4 /dev/vda rw');
const wholeDisk = join(folder, 'disk');
writeFileSync(wholeDisk, '1 0 254:0 / / rw - ext4 /dev/vda rw\n');
afterAll(() => rmSync(folder, { recursive: true }));

const bound: readonly BoundFolder[] = [
  { source: '/home/ann/p', target: '/home/ann/p' },
  { source: '/srv/x', target: '/home/ann/moved' },
];
const view = (mountinfo = inside, binds = bound, discretion?: Discretion) => {
  const inspectContainer = (asked: string) =>
    asked === id
      ? Promise.resolve({ binds } as unknown as ContainerState)
      : Promise.reject(new EngineError('ENGINE_NOT_FOUND', 'no such container'));
  return new EngineView({ inspectContainer }, discretion, mountinfo);
};

describe('what the engine sees of the paths of a server in a container', () => {
  it('is what was mounted at its own path', async () => {
    await expect(view().check(['/home/ann/p', '/home/ann/p/src/a'])).resolves.toBeUndefined();
  });

  it.each([
    ['is mounted from somewhere else', '/home/ann/moved', inside],
    ['is in the image', '/opt/x', inside],
    ['lies in a mount within a mount', '/home/ann/p/tmp/x', inside],
    ['only begins with the same letters', '/home/ann/p2', inside],
    ['may be anything, since no engine shows which container this is', '/home/ann/p', outside],
    [
      'may be anything, since the engine has no such container',
      '/home/ann/p',
      table('other', hostname.replace(id, 'cd'.repeat(32))),
    ],
  ])('is not what %s', async (_, path, mountinfo) => {
    await expect(view(mountinfo).check([path])).rejects.toMatchObject({ code: 'PATH_NOT_ON_HOST', info: { path } });
  });

  it('is said to whoever runs the server, and to others nothing but of their own folders', async () => {
    const said = (path: string, discretion?: Discretion) =>
      view(inside, bound, discretion)
        .check([path])
        .then(
          () => 'no refusal',
          (error: unknown) => {
            if (!(error instanceof PaddockError)) throw error;
            return `${error.message}\n${error.hint}\n${JSON.stringify(error.info)}`;
          },
        );
    expect(await said('/srv/key/x')).toContain('or name one that is: /home/ann/p.');
    const noted: string[] = [];
    const discretion = { roots: ['/srv/key'], note: (line: string) => void noted.push(line) };
    const [own, state] = [await said('/srv/key/x', discretion), await said('/srv/state/layer', discretion)];
    expect(own).toContain('/srv/key/x is not known');
    for (const answer of [own, state]) expect(answer).not.toMatch(/home|srv\/state/);
    expect(noted).toHaveLength(2);
    expect(noted[0]).toMatch(/srv\/key\/x; .*\/home\/ann\/p$/);
    expect(noted[1]).toMatch(/srv\/state\/layer; .*\/home\/ann\/p$/);
  });

  it('is kept from the holders of keys, and from nobody else', async () => {
    const noted: string[] = [];
    const check = (hidesOutside: boolean) =>
      viewHere(
        { container: 'podman' },
        { inspectContainer: () => Promise.reject(new EngineError('ENGINE_NOT_FOUND', 'no such container')) },
        { hidesOutside, allowedRoots: [] },
        (line) => void noted.push(line),
      )?.check(['/srv/state/layer']);
    await expect(check(false)).rejects.toMatchObject({ info: { path: '/srv/state/layer' } });
    expect(noted).toEqual([]);
    await expect(check(true)).rejects.toMatchObject({ info: {} });
    expect(noted).toEqual([expect.stringContaining('/srv/state/layer')]);
  });

  it('has none of the host’s programs', () => {
    expect(() => view().refuseImage({ kind: 'host', extraFolders: [] })).toThrow(
      expect.objectContaining({ code: 'IMAGE_REFUSED' }),
    );
    view().refuseImage({ kind: 'reference', reference: 'localhost/x:1', pullAllowed: false });
  });
});

describe('a process', () => {
  it.each([
    [
      'is in a container by Podman’s variable',
      { env: { container: 'podman' }, places: [], mountinfoPath: outside },
      true,
    ],
    ['is in a container by the files of its engine', { env: {}, places: [], mountinfoPath: inside }, true],
    ['is in a container by a mark in its root', { env: {}, places: [inside], mountinfoPath: outside }, true],
    ['is in a container by Docker’s mark', { env: {}, places: [], rootPlaces: [inside], mountinfoPath: outside }, true],
    [
      'is in none where Docker’s mark was left in the root of a machine',
      { env: {}, places: [], rootPlaces: [inside], mountinfoPath: wholeDisk },
      false,
    ],
    [
      'is in none without any of them',
      {
        env: { container: '' },
        places: [join(folder, 'no')],
        rootPlaces: [join(folder, 'no')],
        mountinfoPath: outside,
      },
      false,
    ],
  ])('%s', (_, signs, answer) => {
    expect(isContained(signs)).toBe(answer);
  });
});
