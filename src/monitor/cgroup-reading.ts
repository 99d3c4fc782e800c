import { known } from '../kit/known.js';
import { parseCount, parseIo, parseNamed, parsePressure } from './cgroup-files.js';
import type { ReadText } from './kernel-text.js';
import type { Reading } from './reading.js';

/**
 * What the kernel counts for a sandbox's own cgroup. Files of controllers that were not delegated, and those that a kernel does
 * not have yet (memory.peak before 5.19, pids.peak before 6.7, pids.events before 4.14), are not there: absent.
 */
export function readCgroup(folder: string, read: ReadText): Reading {
  const memory = memoryOf(folder, read);
  const cpu = cpuOf(folder, read);
  const pids = pidsOf(folder, read);
  return {
    sources: {
      ...(memory.memoryBytes === undefined ? {} : { memory: 'cgroup' as const }),
      ...(cpu.cpuUs === undefined ? {} : { cpu: 'cgroup' as const }),
      ...(pids.pids === undefined ? {} : { pids: 'cgroup' as const }),
    },
    ...memory,
    ...cpu,
    ...pids,
    ...ioOf(folder, read),
    ...known({
      memoryPressure: parsePressure(read(`${folder}/memory.pressure`)),
      cpuPressure: parsePressure(read(`${folder}/cpu.pressure`)),
      ioPressure: parsePressure(read(`${folder}/io.pressure`)),
    }),
  };
}

function memoryOf(folder: string, read: ReadText): Partial<Reading> {
  const events = parseNamed(read(`${folder}/memory.events`));
  return known({
    memoryBytes: parseCount(read(`${folder}/memory.current`)),
    memoryPeakBytes: parseCount(read(`${folder}/memory.peak`)),
    memoryMaxBytes: limitOf(folder, 'memory.max', read),
    swapBytes: parseCount(read(`${folder}/memory.swap.current`)),
    memoryHighs: events.get('high'),
    memoryMaxes: events.get('max'),
    ooms: events.get('oom'),
    oomKills: events.get('oom_kill'),
  });
}

function cpuOf(folder: string, read: ReadText): Partial<Reading> {
  const stat = parseNamed(read(`${folder}/cpu.stat`));
  return known({
    cpuUs: stat.get('usage_usec'),
    userUs: stat.get('user_usec'),
    systemUs: stat.get('system_usec'),
    cpuPeriods: stat.get('nr_periods'),
    throttledPeriods: stat.get('nr_throttled'),
    throttledUs: stat.get('throttled_usec'),
  });
}

function pidsOf(folder: string, read: ReadText): Partial<Reading> {
  return known({
    pids: parseCount(read(`${folder}/pids.current`)),
    pidsPeak: parseCount(read(`${folder}/pids.peak`)),
    pidsMax: limitOf(folder, 'pids.max', read),
    pidsRefused: parseNamed(read(`${folder}/pids.events`)).get('max'),
  });
}

function ioOf(folder: string, read: ReadText): Partial<Reading> {
  const text = read(`${folder}/io.stat`);
  if (text === undefined) return {};
  const { bytesRead, bytesWritten, operations } = parseIo(text);
  return { readBytes: bytesRead, writtenBytes: bytesWritten, ioOperations: operations };
}

/** An engine may have set it on the folder below, where its processes are; the tighter one counts. */
function limitOf(folder: string, name: string, read: ReadText): number | undefined {
  const limits = [folder, `${folder}/container`].map((one) => parseCount(read(`${one}/${name}`)));
  const set = limits.filter((limit) => limit !== undefined);
  return set.length === 0 ? undefined : Math.min(...set);
}
