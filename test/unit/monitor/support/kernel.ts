import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { KernelRoots } from '../../../../src/monitor/own-cgroup.js';
import type { UsageTarget } from '../../../../src/monitor/usage-reader.js';

interface FixtureProcess {
  readonly pid: number;
  readonly ppid?: number;
  readonly namespace: string;
  readonly state?: string;
  readonly threads?: number;
  /** utime, stime, cutime, cstime in ticks. */
  readonly ticks?: readonly [number, number, number, number];
  readonly pages?: number;
  readonly cgroup?: string;
}

export const containerId = 'c'.repeat(64);
export const scope = `user.slice/user@1000.service/user.slice/libpod-${containerId}.scope`;

/** /proc and /sys/fs/cgroup as files in a temporary folder, which goes with the test. */
export class FixtureKernel {
  readonly roots: KernelRoots;
  readonly #root = mkdtempSync(join(tmpdir(), 'paddock-kernel-'));

  constructor() {
    this.roots = { procRoot: join(this.#root, 'proc'), cgroupRoot: join(this.#root, 'cgroup') };
    onTestFinished(() => rmSync(this.#root, { recursive: true, force: true }));
    mkdirSync(this.roots.cgroupRoot, { recursive: true });
    this.process({ pid: process.pid, namespace: 'pid:[1]', cgroup: '/user.slice/shell.scope' });
    symlinkSync(String(process.pid), join(this.roots.procRoot, 'self'));
  }

  put(path: string, text: string): void {
    const full = join(this.#root, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
  }

  /** Files of the sandbox's cgroup. */
  cgroup(files: Readonly<Record<string, string>>, folder = scope): void {
    for (const [name, text] of Object.entries(files)) this.put(`cgroup/${folder}/${name}`, text);
  }

  process(one: FixtureProcess): void {
    const { pid, ppid = 1, namespace, state = 'S', threads = 1, ticks = [0, 0, 0, 0], pages = 0, cgroup = '/' } = one;
    const rest = [state, ppid, 1, 1, 0, -1, 0, 0, 0, 0, 0, ...ticks, 20, 0, threads, 0, 77, 4096, 0, 0];
    this.put(`proc/${pid}/stat`, `${pid} (a) b) ${rest.join(' ')}\n`);
    this.put(`proc/${pid}/statm`, `9999 ${pages} 7 1 0 3 0\n`);
    this.put(`proc/${pid}/cgroup`, `0::${cgroup}\n`);
    mkdirSync(join(this.roots.procRoot, String(pid), 'ns'), { recursive: true });
    rmSync(join(this.roots.procRoot, String(pid), 'ns/pid'), { force: true });
    symlinkSync(namespace, join(this.roots.procRoot, String(pid), 'ns/pid'));
  }

  end(pid: number): void {
    rmSync(join(this.roots.procRoot, String(pid)), { recursive: true });
  }
}

export const units = { pageBytes: 4096, ticksPerSecond: 100 };

/** A sandbox whose process 1 has the number 70 and lives. */
export function target(changes: Partial<UsageTarget> = {}): UsageTarget {
  return { containerId, initPid: 70, namespace: 'pid:[7]', isAlive: () => true, ...changes };
}

/** What a kernel with every file shows of a busy sandbox. */
export const busyFiles = {
  'memory.current': '104857600\n',
  'memory.peak': '125829120\n',
  'memory.swap.current': '0\n',
  'memory.max': '134217728\n',
  'memory.events': 'low 0\nhigh 3\nmax 7\noom 2\noom_kill 1\noom_group_kill 0\n',
  'memory.pressure':
    'some avg10=12.50 avg60=1.00 avg300=0.10 total=900000\nfull avg10=4.25 avg60=0.50 avg300=0.00 total=300000\n',
  'cpu.stat':
    'usage_usec 5000000\nuser_usec 4000000\nsystem_usec 1000000\nnr_periods 100\nnr_throttled 40\nthrottled_usec 2500000\nnr_bursts 0\n',
  'cpu.pressure': 'some avg10=50.00 avg60=1.00 avg300=0.10 total=77\n',
  'pids.current': '12\n',
  'pids.peak': '30\n',
  'pids.max': '60\n',
  'pids.events': 'max 5\n',
  'io.stat':
    '8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n253:1 rbytes=100 wbytes=0 rios=3 wios=0 dbytes=9 dios=9\n',
} as const;
