import { describe, expect, it } from 'vitest';
import { judgeEvidence } from '../../../src/confine/evidence.js';
import type { Observation } from '../../../src/confine/observation.js';
import { observeReport, parseReport, type Report, reportedInit, reportWords } from '../../../src/confine/report.js';
import type { ControlId } from '../../../src/core/evidence.js';
import { hardened, hardenedStatus, podmanMountinfo, request } from './support/sandbox.js';

const ours = '/.paddock/init';
const words = reportWords(request, ours);
const kinds = ['user', 'pid', 'ipc', 'uts', 'mnt', 'cgroup', 'net'];

/** What process 1 of a hardened sandbox answers: a text for each file and link, owners for /proc/sys and a file of ours. */
const texts: Readonly<Record<string, string>> = {
  'f:/proc/1/status': hardenedStatus.replaceAll('1001', '0').replace('Groups:	0', 'Groups:	0'),
  'f:/proc/1/stat': `1 (init) S 0 ${'0 '.repeat(17)}77 0`,
  'f:/proc/1/uid_map': '0 0 1\n1 1 65536\n',
  'f:/proc/1/gid_map': '0 0 1\n1 1 65536\n',
  'f:/proc/1/net/dev': 'Inter-|   Receive  |  Transmit\n face |bytes |bytes\n    lo: 0 0\n',
  'f:/proc/1/mountinfo': podmanMountinfo,
  'f:/proc/1/cmdline': request.initArgv.map((word) => `${word}\0`).join(''),
  'f:/proc/1/cgroup': '0::/\n',
  'f:/sys/fs/cgroup/memory.max': '536870912\n',
  'f:/sys/fs/cgroup/pids.max': 'max\n',
  'f:/sys/fs/cgroup/cgroup.procs': '1\n',
  'f:/proc/sys/kernel/overflowuid': '65534\n',
  ...Object.fromEntries(kinds.map((kind) => [`l:/proc/self/ns/${kind}`, `${kind}:[4026599999]`])),
};
const statuses: Readonly<Record<string, string>> = {
  's:/proc/sys': 'status 1 1 0 0 65534\n',
  [`s:${ours}`]: 'status 65024 9 0 0 0\n',
  's:/usr': 'status 65024 5 0 0 0\n',
  's:/workspace': 'status 65024 7 0 0 0\n',
};

function answers(changes: Readonly<Record<string, string>> = {}): Buffer {
  const all = { ...texts, ...changes };
  const said = words.map((word) => {
    const text = all[word];
    if (text !== undefined && !word.startsWith('s:')) return `ok ${Buffer.byteLength(text)}\n${text}`;
    return (word.startsWith('s:') ? (changes[word] ?? statuses[word]) : undefined) ?? 'error 2\n';
  });
  return Buffer.from(said.join(''));
}

async function seen(changes: Readonly<Record<string, string>> = {}): Promise<Observation> {
  const report = parseReport(answers(changes), words) as Report;
  return {
    ...(await observeReport(report, request, ours)),
    ownNamespaces: hardened.ownNamespaces,
    ownProcDevice: '0:21',
  };
}

async function row(id: ControlId, changes: Readonly<Record<string, string>> = {}) {
  return judgeEvidence(await seen(changes), request).controls.find((one) => one.id === id);
}

describe('the report of a process 1 that the server can not see', () => {
  it.each([
    ['no answer', Buffer.alloc(0)],
    ['one that is cut', answers().subarray(0, 100)],
    ['more than was asked', Buffer.concat([answers(), Buffer.from('error 2\n')])],
    [
      'a length beyond its end',
      Buffer.from(
        answers()
          .toString()
          .replace(/ok \d+/, 'ok 99999999'),
      ),
    ],
    ['other words', Buffer.from(answers().toString().replace('ok ', 'yes '))],
  ])('is none where it is %s', (_, bytes) => {
    expect(parseReport(bytes, words)).toBeUndefined();
  });

  it('names process 1 by its pid namespace and its start', () => {
    const report = parseReport(answers(), words) as Report;
    expect(reportedInit(report)).toEqual({ namespace: 'pid:[4026599999]', startTicks: 77 });
    expect(reportedInit(new Map())).toBeUndefined();
  });

  it.each([
    'rootless',
    'user',
    'capabilities',
    'no-new-privileges',
    'seccomp',
    'read-only-root',
    'namespaces',
    'network',
    'tmpfs',
    'deadline',
  ] as const)('proves %s, and says by whom', async (id) => {
    expect(await row(id)).toMatchObject({
      status: 'enforced',
      kernel: expect.stringMatching(/^process 1 says: /) as unknown,
    });
  });

  it.each([
    ['rootless', 'absent', { 's:/proc/sys': 'status 1 1 0 0 0\n' }],
    ['rootless', 'unknown', { 's:/proc/sys': 'error 13\n' }],
    ['user', 'degraded', { [`s:${ours}`]: 'status 65024 9 0 0 65534\n' }],
    ['user', 'degraded', { 'f:/proc/1/status': hardenedStatus.replace(/^Uid:.*$/m, 'Uid:\t5\t5\t5\t5') }],
    [
      'user',
      'degraded',
      { 'f:/proc/1/status': (texts['f:/proc/1/status'] ?? '').replace(/^Groups:.*$/m, 'Groups:\t65534') },
    ],
    ['capabilities', 'absent', { 'f:/proc/1/status': hardenedStatus.replace('CapEff:	0', 'CapEff:	f') }],
    ['seccomp', 'degraded', { 'f:/proc/1/status': hardenedStatus.replace('init-01234567', 'init') }],
    ['namespaces', 'degraded', { 'l:/proc/self/ns/ipc': 'ipc:[4026531839]' }],
    ['namespaces', 'degraded', { 'l:/proc/self/ns/uts': 'uts:[1]' }],
    ['namespaces', 'degraded', { 'f:/proc/1/status': hardenedStatus.replace('7022	1', '7022	8') }],
    ['network', 'absent', { 'l:/proc/self/ns/net': 'net:[1]' }],
    ['network', 'absent', { 'f:/proc/1/net/dev': `${texts['f:/proc/1/net/dev']}  eth0: 0 0\n` }],
    ['mounts', 'absent', { 's:/workspace': 'status 65024 8 0 0 0\n' }],
    ['deadline', 'absent', { 'f:/proc/1/cmdline': '/bin/sh\0' }],
  ] as const)('does not prove %s, which is %s, by other answers', async (id, status, changes) => {
    expect((await row(id, changes))?.status).toBe(status);
  });

  it('proves a limit by the cgroup that the sandbox sees, and knows nothing of those above it', async () => {
    expect(await row('memory')).toMatchObject({ status: 'enforced', kernel: 'process 1 says: 512 MiB' });
    expect((await row('pids'))?.status).toBe('unknown');
    expect((await row('cpu'))?.status).toBe('unknown');
    expect((await row('memory', { 'f:/sys/fs/cgroup/cgroup.procs': '0\n1\n' }))?.status).toBe('unknown');
    expect((await row('memory', { 'f:/proc/1/cgroup': '0::/lab\n' }))?.status).toBe('unknown');
  });

  it('does not tell whether the user namespace is the engine’s', async () => {
    expect((await row('user-namespace'))?.status).toBe('unknown');
    expect((await row('user-namespace', { 'l:/proc/self/ns/user': 'user:[4026531837]' }))?.status).toBe('degraded');
  });
});
