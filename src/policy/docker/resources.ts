import { isObject } from '../json.js';
import { count, size } from '../quantities.js';
import { deny } from '../verdict.js';
import type { DockerOption, OptionContext } from './option.js';

// Docker's default period (cpu.cfs_period_us), and the bounds the kernel sets to both numbers, in microseconds.
const defaultPeriodUs = 100_000;
const periodBoundsUs = { least: 1000, most: 1_000_000 };
const leastQuotaUs = 1000;

/** Memory, CPU, pids and shared memory. Zero means "not set" to Docker only where it says so; here it is no limit. */
export const resourceOptions: readonly DockerOption[] = [
  {
    name: 'Memory',
    inHostConfig: true,
    apply: (value, { wishes }) => wishes.set('memoryBytes', size(value, 'Memory'), 'dockerOpts.Memory'),
  },
  {
    name: 'MemorySwap',
    inHostConfig: true,
    // Looked at again once memory is known: it must be the same number, see `checkSwap`.
    apply: (value) => {
      if (value === -1) deny('memory.swap', 'MemorySwap -1 asks for unlimited swap');
      if (value !== 0) size(value, 'MemorySwap');
    },
  },
  { name: 'CpuQuota', inHostConfig: true, apply: (_, context) => applyQuota(context) },
  { name: 'CpuPeriod', inHostConfig: true, apply: (_, context) => checkPeriodAlone(context) },
  {
    name: 'NanoCpus',
    inHostConfig: true,
    apply: (value, { wishes, options }) => {
      if (value === 0) return;
      if (isSet(options.get('CpuQuota')))
        deny('request.conflict', 'NanoCpus and CpuQuota are two ways to say the same');
      wishes.set('cpuMillis', Math.floor(count(value, 'NanoCpus') / 1_000_000), 'dockerOpts.NanoCpus');
    },
  },
  {
    name: 'CpuShares',
    inHostConfig: true,
    apply: (value, { wishes }) => {
      if (value !== 0) wishes.set('cpuShares', count(value, 'CpuShares'), 'dockerOpts.CpuShares');
    },
  },
  {
    name: 'PidsLimit',
    inHostConfig: true,
    apply: (value, { wishes }) => wishes.set('pids', count(value, 'PidsLimit'), 'dockerOpts.PidsLimit'),
  },
  {
    name: 'ShmSize',
    inHostConfig: true,
    apply: (value, { wishes }) => {
      if (value !== 0) wishes.set('shmBytes', size(value, 'ShmSize'), 'dockerOpts.ShmSize');
    },
  },
  {
    name: 'StorageOpt',
    inHostConfig: true,
    apply: (value, { wishes }) => {
      if (!isObject(value)) deny('docker-opts.storage', 'StorageOpt is not an object');
      const other = Object.keys(value).find((key) => key !== 'size');
      if (other !== undefined) deny('docker-opts.storage', `StorageOpt asks for ${other}`);
      const asked = value['size'];
      if (asked !== undefined && asked !== null)
        wishes.set('diskBytes', size(asked, 'StorageOpt.size'), 'dockerOpts.StorageOpt');
    },
  },
];

/** Holds MemorySwap (memory plus swap) against the memory that was decided; swap is always off. */
export function checkSwap(options: OptionContext['options'], memoryBytes: number): void {
  const value = options.get('MemorySwap');
  if (value === undefined || value === 0) return;
  if (size(value, 'MemorySwap') !== memoryBytes) {
    deny('memory.swap', `MemorySwap ${JSON.stringify(value)} is not equal to the memory of ${memoryBytes} bytes`);
  }
}

function applyQuota({ wishes, options }: OptionContext): void {
  const value = options.get('CpuQuota');
  if (!isSet(value)) return;
  const quotaUs = count(value ?? null, 'CpuQuota');
  const periodUs = isSet(options.get('CpuPeriod'))
    ? count(options.get('CpuPeriod') ?? null, 'CpuPeriod')
    : defaultPeriodUs;
  if (periodUs < periodBoundsUs.least || periodUs > periodBoundsUs.most || quotaUs < leastQuotaUs) {
    deny('limits.malformed', 'CpuPeriod must be 1000 to 1000000, and CpuQuota at least 1000 microseconds');
  }
  wishes.set('cpuMillis', Math.floor((quotaUs / periodUs) * 1000 + 1e-6), 'dockerOpts.CpuQuota');
}

function checkPeriodAlone({ options }: OptionContext): void {
  if (!isSet(options.get('CpuPeriod')) || isSet(options.get('CpuQuota'))) return;
  deny('limits.malformed', 'CpuPeriod limits nothing without CpuQuota');
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== 0;
}
