import { describe, expect, it } from 'vitest';
import { allowed, context, gib, mib, ruleOf, specOf } from './support/context.js';

const project = { projectPath: '/home/ada/p', workspace: 'rw' };
const { ceilings, defaults } = context().sitePolicy;

describe('the limit of the disk', () => {
  it('is the default of the site when nothing is asked', () => {
    expect(specOf(project).limits).toMatchObject({ diskBytes: 10 * gib, diskInodes: 2_000_000 });
  });

  it('is taken from disk or from StorageOpt, which may say the same', () => {
    expect(specOf({ ...project, disk: '20g' }).limits.diskBytes).toBe(20 * gib);
    expect(specOf({ ...project, dockerOpts: { StorageOpt: { size: '20g' } } }).limits.diskBytes).toBe(20 * gib);
    expect(specOf({ ...project, dockerOpts: { StorageOpt: { size: null } } }).limits.diskBytes).toBe(10 * gib);
    expect(ruleOf({ ...project, disk: '1g', dockerOpts: { HostConfig: { StorageOpt: { size: '2g' } } } })).toBe(
      'request.conflict',
    );
  });

  it('is at most that of the site, and at least a mebibyte', () => {
    const lower = { ceilings: { ...ceilings, diskBytes: gib } };
    expect(ruleOf({ ...project, disk: '2g' }, lower)).toBe('disk.ceiling');
    expect(specOf(project, lower).limits.diskBytes).toBe(gib);
    expect(ruleOf({ ...project, disk: '1000k' })).toBe('limits.too-small');
    expect(ruleOf({ ...project, disk: 'much' })).toBe('limits.malformed');
  });

  it('says when nothing on the disk can be written anyway', () => {
    const readOnly = { projectPath: '/home/ada/p', workspace: 'ro' };
    expect(allowed({ ...readOnly, disk: '1g' }).notes).toEqual([
      'disk limits nothing: nothing on the disk can be written in this session',
    ]);
    expect(allowed(readOnly).notes).toEqual([]);
    expect(allowed({ projectPath: '/home/ada/p', disk: '1g' }).notes).toEqual([]);
  });
});

describe('the size of one file', () => {
  it('is fenced by the disk limit, whether anything on the disk can be written or not', () => {
    expect(specOf(project).limits.fsizeBytes).toBe(10 * gib);
    const mounts = [{ source: '/home/ada/data', target: '/data', readOnly: false }];
    expect(specOf({ mcpMounts: mounts, disk: '3g' }).limits.fsizeBytes).toBe(3 * gib);
    // Else a site that forbids writing would allow larger files than one that does not.
    expect(specOf({ projectPath: '/home/ada/p', workspace: 'ro' }).limits.fsizeBytes).toBe(10 * gib);
  });

  it('is never less than what fills a scratch folder', () => {
    expect(specOf({ ...project, disk: '1m', memory: '8g' }).limits.fsizeBytes).toBe(defaults.tmpBytes);
    const large = { Tmpfs: { '/big': 'size=2g' } };
    expect(specOf({ ...project, disk: '1m', memory: '8g', dockerOpts: large }).limits.fsizeBytes).toBe(2 * gib);
  });

  it('can be made as large by an update as the disk of the site, and never larger than was asked', () => {
    expect(specOf(project).limits.fsizeMostBytes).toBe(ceilings.diskBytes);
    const lower = { ceilings: { ...ceilings, fsizeBytes: gib } };
    expect(specOf(project, lower).limits).toMatchObject({ fsizeBytes: gib, fsizeMostBytes: gib });
  });

  it('stays lower where that is asked, and says when more is', () => {
    const fsize = (size: string) => ({ ...project, dockerOpts: { Ulimits: [{ Name: 'fsize', Hard: size }] } });
    expect(specOf(fsize('5m')).limits.fsizeBytes).toBe(5 * mib);
    const { spec, notes } = allowed(fsize('20g'));
    expect(spec.limits.fsizeBytes).toBe(10 * gib);
    expect(notes).toEqual(['fsize is 10 GiB, since no file may be larger than the disk limit']);
  });
});
