import { describe, expect, it } from 'vitest';
import { parseMountinfo } from '../../../../src/kit/proc/mountinfo.js';
import { mountAt, visibleMounts } from '../../../../src/kit/proc/visible-mounts.js';

const line = (id: number, parent: number, point: string, options = 'rw'): string =>
  `${id} ${parent} 0:${id} / ${point} ${options},relatime shared:1 master:2 - tmpfs tmpfs rw,size=64k`;

const visible = (...lines: string[]): readonly number[] =>
  visibleMounts(parseMountinfo(lines.join('\n')).mounts).map((mount) => mount.id);

describe('the mount table', () => {
  it('reads a line with optional fields and escaped characters', () => {
    const text = String.raw`36 35 98:0 /a\040b /mnt/x\011y\134z ro,nosuid master:1 shared:7 - ext3 /dev/root rw,errors=continue`;
    expect(parseMountinfo(text)).toEqual({
      unreadableLines: 0,
      mounts: [
        {
          ...{ id: 36, parentId: 35, device: '98:0', root: '/a b', mountPoint: '/mnt/x\ty\\z' },
          ...{ options: ['ro', 'nosuid'], tags: ['master:1', 'shared:7'], fsType: 'ext3', source: '/dev/root' },
          superOptions: ['rw', 'errors=continue'],
        },
      ],
    });
  });

  it('counts the lines it does not understand', () => {
    const table = parseMountinfo(
      `${line(1, 0, '/')}\nnonsense\n2 x 0:1 / /y rw - tmpfs t rw\n3 1 0:1 / /z rw tmpfs t rw\n`,
    );
    expect([table.mounts.length, table.unreadableLines]).toEqual([1, 3]);
  });
});

describe('which mounts a path can reach', () => {
  it('drops one that another was mounted on', () => {
    expect(visible(line(1, 0, '/'), line(2, 1, '/usr/share', 'rw'), line(3, 2, '/usr/share', 'ro'))).toEqual([1, 3]);
  });

  it('drops one whose folder disappeared under a mount above it, and what is mounted in that', () => {
    expect(visible(line(1, 0, '/'), line(2, 1, '/a/b'), line(3, 2, '/a/b/c'), line(4, 1, '/a'))).toEqual([1, 4]);
  });

  it('does not depend on the order of the lines', () => {
    expect(
      visible(line(159, 164, '/workspace'), line(161, 169, '/dev/shm'), line(164, 1, '/'), line(169, 164, '/dev')),
    ).toEqual([159, 161, 164, 169]);
  });

  it('keeps a mount whose name only begins like that of another', () => {
    expect(visible(line(1, 0, '/'), line(2, 1, '/a'), line(3, 1, '/ab'))).toEqual([1, 2, 3]);
  });

  it('finds the root that lies on top', () => {
    const table = parseMountinfo([line(1, 0, '/'), line(2, 1, '/', 'ro')].join('\n'));
    expect(mountAt(visibleMounts(table.mounts), '/')?.id).toBe(2);
  });
});
