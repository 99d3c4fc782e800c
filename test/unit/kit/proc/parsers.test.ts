import { describe, expect, it } from 'vitest';
import { parseUnifiedCgroup } from '../../../../src/kit/proc/cgroup.js';
import { parseCmdline } from '../../../../src/kit/proc/cmdline.js';
import { idsInside, parseIdMap } from '../../../../src/kit/proc/id-map.js';
import { parseLimits } from '../../../../src/kit/proc/limits.js';
import { parseStat } from '../../../../src/kit/proc/stat.js';
import { parseStatus } from '../../../../src/kit/proc/status.js';

describe('the status of a process', () => {
  const text =
    'Name:\tsleep\nState:\tS (sleeping)\nPPid:\t12\nUid:\t1001\t1001\t1001\t1001\nGid:\t1\t2\t3\t4\nGroups:\t1001 27 \n' +
    'NSpid:\t6919\t1\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n' +
    'CapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n';

  it('gives ids, capabilities as numbers, and the seccomp mode', () => {
    const status = parseStatus(text);
    expect(status.uids).toEqual([1001, 1001, 1001, 1001]);
    expect(status.groups).toEqual([1001, 27]);
    expect(status.nsPids).toEqual([6919, 1]);
    expect(status.capabilities.bounding).toBe(0x1ffffffffffn);
    expect([status.noNewPrivileges, status.seccompMode, status.seccompFilters, status.state]).toEqual([1, 2, 1, 'S']);
  });

  it('leaves a field undefined when its line is missing or malformed', () => {
    const status = parseStatus('Uid:\t1\t2\nCapEff:\tzz\nSeccomp:\ttwo\nGroups:\t-1\n');
    expect([status.uids, status.capabilities.effective, status.seccompMode, status.groups]).toEqual([
      ...[undefined, undefined, undefined, undefined],
    ]);
  });

  it('believes the first line of a name, so that nothing after it can overrule it', () => {
    expect(parseStatus('Seccomp:\t0\nSeccomp:\t2\n').seccompMode).toBe(0);
  });
});

describe('the stat of a process', () => {
  it('finds the end of a name that holds parentheses and spaces', () => {
    const rest = `S 7 ${Array.from({ length: 17 }, (_, i) => i).join(' ')} 208573 99`;
    expect(parseStat(`42 (a) R 1 (b ) ${rest}`)).toEqual({
      ...{ pid: 42, comm: 'a) R 1 (b ', state: 'S', ppid: 7, threads: 15, startTicks: '208573' },
    });
  });

  it.each(['', '42', '42 (x', 'x (y) S 1', '42 (x) S 1 2 3'])('refuses %j', (text) => {
    expect(parseStat(text)).toBeUndefined();
  });
});

describe('the cgroup of a process', () => {
  it('is the unified line among those of version 1', () => {
    expect(parseUnifiedCgroup('4:memory:/x\n0::/user.slice/a.scope/container\n')).toBe('/user.slice/a.scope/container');
  });

  it.each(['', '4:memory:/x\n', '0::/../other\n', '0::/a/../../b\n', '0::relative\n'])('is unknown for %j', (text) => {
    expect(parseUnifiedCgroup(text)).toBeUndefined();
  });
});

describe('an id map', () => {
  it('tells which ids inside are one outside', () => {
    const map = parseIdMap('         0       1001          1\n         1     100000      65536\n') ?? [];
    expect(idsInside(map, 1001)).toEqual([0]);
    expect(idsInside(map, 100_999)).toEqual([1000]);
    expect(idsInside(map, 0)).toEqual([]);
  });

  it('is undefined when a line is malformed', () => {
    expect(parseIdMap('0 1001\n')).toBeUndefined();
  });
});

describe('limits and words of a process', () => {
  it('reads soft and hard limits and what is unlimited', () => {
    const limits = parseLimits(
      'Limit                     Soft Limit           Hard Limit           Units     \n' +
        'Max core file size        0                    unlimited            bytes     \n' +
        'Max open files            1024                 4096                 files     \n' +
        'Max nice priority         0                    0                    \n',
    );
    expect(limits.get('Max core file size')).toEqual({ soft: 0, hard: Number.POSITIVE_INFINITY });
    expect(limits.get('Max open files')).toEqual({ soft: 1024, hard: 4096 });
    expect(limits.get('Max nice priority')).toEqual({ soft: 0, hard: 0 });
  });

  it('splits a command line at its NULs and keeps empty words', () => {
    expect(parseCmdline('sh\0-c\0\0x y\0')).toEqual(['sh', '-c', '', 'x y']);
  });
});
