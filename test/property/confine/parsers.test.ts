import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeEvidence } from '../../../src/confine/evidence.js';
import { parseCpuMax, parseMax } from '../../../src/confine/observe-cgroup.js';
import { parseUnifiedCgroup } from '../../../src/kit/proc/cgroup.js';
import { parseCmdline } from '../../../src/kit/proc/cmdline.js';
import { idsInside, parseIdMap } from '../../../src/kit/proc/id-map.js';
import { parseLimits } from '../../../src/kit/proc/limits.js';
import { parseMountinfo, unescapeOctal } from '../../../src/kit/proc/mountinfo.js';
import { parseStat } from '../../../src/kit/proc/stat.js';
import { parseStatus } from '../../../src/kit/proc/status.js';
import { visibleMounts } from '../../../src/kit/proc/visible-mounts.js';
import { hardened, hardenedStatus, mountsOf, podmanMountinfo, request } from '../../unit/confine/support/sandbox.js';

const samples = [hardenedStatus, podmanMountinfo, '0::/a\n', '0 1 1\n', '42 (x) S 1', 'Max open files  1  2  files'];
const garbage = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc
    .tuple(fc.constantFrom(...samples), fc.nat(400), fc.string({ maxLength: 20 }))
    .map(([text, at, dirt]) => `${text.slice(0, at)}${dirt}${text.slice(at)}`),
);

describe('parsers of kernel files', () => {
  it('never throw, whatever they are given', () => {
    fc.assert(
      fc.property(garbage, (text) => {
        parseStat(text);
        parseStatus(text);
        parseLimits(text);
        parseUnifiedCgroup(text);
        parseCmdline(text);
        parseMax(text);
        parseCpuMax(text);
        idsInside(parseIdMap(text) ?? [], 0);
        const table = parseMountinfo(text);
        expect(visibleMounts(table.mounts).length).toBeLessThanOrEqual(table.mounts.length);
        expect(table.mounts.length + table.unreadableLines).toBe(text.split('\n').filter((line) => line !== '').length);
      }),
    );
  });

  it('never let a cgroup path leave the tree', () => {
    const part = fc.constantFrom('..', '.', 'a', '', 'b.scope');
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        expect(parseUnifiedCgroup(`0::/${parts.join('/')}\n`)?.split('/') ?? []).not.toContain('..');
      }),
    );
  });

  it('take mount points back as the kernel escaped them', () => {
    const escaped = (text: string): string =>
      text.replace(/[ \t\n\\#]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
    fc.assert(fc.property(fc.string(), (text) => unescapeOctal(escaped(text)) === text));
  });
});

describe('evidence', () => {
  it('stops being enforced when any writable mount is added that was not asked for', () => {
    const point = fc
      .array(fc.constantFrom('a', 'usr', 'tmp', 'proc', 'dev', 'workspace', 'b'), { minLength: 1, maxLength: 4 })
      .map((parts) => `/${parts.join('/')}`)
      .filter((path) => !['/usr', '/tmp', '/proc', '/dev', '/workspace'].includes(path));
    fc.assert(
      fc.property(point, fc.constantFrom('ext4', 'tmpfs', 'overlay', 'proc'), (path, type) => {
        const line = `900 164 0:99 / ${path} rw,relatime - ${type} x rw`;
        // Parents in the table decide whether it is reached; one in a mount of its own folder always is.
        const parent = mountsOf(podmanMountinfo)
          ?.filter((mount) => path.startsWith(`${mount.mountPoint}/`))
          .sort((a, b) => b.mountPoint.length - a.mountPoint.length)[0];
        const mounts = mountsOf(`${podmanMountinfo}${line.replace(' 164 ', ` ${parent?.id ?? 164} `)}\n`);
        const row = judgeEvidence({ ...hardened, mounts }, request).controls.find(({ id }) => id === 'mounts');
        expect(row?.status).toBe('absent');
      }),
    );
  });

  it('never throws on a process whose status and mounts are garbage', () => {
    fc.assert(
      fc.property(garbage, (text) => {
        const seen = { ...hardened, status: parseStatus(text), mounts: mountsOf(text), label: text, cmdline: [text] };
        const rows = judgeEvidence(seen, request).controls;
        expect(rows.find(({ id }) => id === 'deadline')?.status).toBe('absent');
      }),
    );
  });
});
