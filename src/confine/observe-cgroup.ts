import { isInside } from '../kit/path-containment.js';
import { parseUnifiedCgroup } from '../kit/proc/cgroup.js';
import { readLinkOrNothing, readProcFile } from '../kit/proc/read.js';
import type { CgroupFacts } from './observation.js';

/** More members than this right after the start are not a sandbox's own. */
const memberLimit = 64;

/**
 * The cgroup of a process and what it caps. crun puts processes into a `container` folder below the one that the
 * engine set the limits on, so both are read and the tighter value counts; folders above those are shared with others.
 * With `containerId` it is the sandbox's own where that is in its path: once commands run, who else is in it tells nothing.
 */
export function observeCgroup(
  pid: number,
  procRoot: string,
  cgroupRoot: string,
  containerId?: string,
): CgroupFacts | 'none' | undefined {
  const text = readProcFile(`${procRoot}/${pid}/cgroup`);
  const ownText = readProcFile(`${procRoot}/self/cgroup`);
  if (text === undefined) return undefined;
  if (!/^0::/m.test(text)) return 'none';
  const path = parseUnifiedCgroup(text);
  if (path === undefined) return undefined;
  const folders = limitedFolders(path);
  const read = (name: string, parse: (text: string) => number | undefined): number | undefined =>
    tightest(
      folders.map((folder) => readProcFile(`${cgroupRoot}${folder}/${name}`)),
      parse,
    );
  return {
    path,
    isShared:
      containerId === undefined
        ? isCgroupShared(pid, path, ownText, { procRoot, cgroupRoot })
        : !path.includes(containerId),
    memoryMaxBytes: read('memory.max', parseMax),
    swapMaxBytes: read('memory.swap.max', parseMax),
    cpuMillis: read('cpu.max', parseCpuMax),
    pidsMax: read('pids.max', parseMax),
    // Among what lies beside it: the folder of the engine's, and not the only one within.
    cpuWeight: parseMax(readProcFile(`${cgroupRoot}${folders.at(-1) ?? path}/cpu.weight`) ?? ''),
  };
}

/** Where commands have cgroups of their own, process 1 is in a leaf `init` beneath, on which nothing is set. */
function limitedFolders(path: string): readonly string[] {
  const folder = path.endsWith('/container/init') ? path.slice(0, -'/init'.length) : path;
  return folder.endsWith('/container') ? [folder, folder.slice(0, -'/container'.length)] : [folder];
}

/** `max` is Infinity. */
export function parseMax(text: string): number | undefined {
  const word = text.trim();
  if (word === 'max') return Number.POSITIVE_INFINITY;
  return /^\d{1,20}$/.test(word) ? Number(word) : undefined;
}

/** Thousandths of a core from `cpu.max` (`QUOTA PERIOD` in microseconds). */
export function parseCpuMax(text: string): number | undefined {
  const match = /^(max|\d{1,16}) ([1-9]\d{0,15})$/.exec(text.trim());
  if (!match) return undefined;
  return match[1] === 'max' ? Number.POSITIVE_INFINITY : (Number(match[1]) / Number(match[2])) * 1000;
}

function tightest(
  texts: readonly (string | undefined)[],
  parse: (text: string) => number | undefined,
): number | undefined {
  const values = texts.map((text) => (text === undefined ? undefined : parse(text))).filter((v) => v !== undefined);
  return values.length === 0 ? undefined : Math.min(...values);
}

/** A cap on a cgroup that holds us, the engine or another sandbox is no cap of this sandbox. */
function isCgroupShared(
  pid: number,
  path: string,
  ownText: string | undefined,
  roots: { readonly procRoot: string; readonly cgroupRoot: string },
): boolean | undefined {
  const ownPath = ownText === undefined ? undefined : parseUnifiedCgroup(ownText);
  if (path === '/' || (ownPath !== undefined && isInside(ownPath, path))) return true;
  const members = readProcFile(`${roots.cgroupRoot}${path}/cgroup.procs`)?.split('\n').filter(Boolean);
  if (members === undefined) return undefined;
  if (members.length > memberLimit) return true;
  const namespaceOf = (member: string | number): string | undefined =>
    readLinkOrNothing(`${roots.procRoot}/${member}/ns/pid`);
  const expected = namespaceOf(pid);
  const namespaces = members.filter((member) => member !== String(pid)).map(namespaceOf);
  return expected === undefined ? undefined : namespaces.some((namespace) => namespace !== expected);
}
