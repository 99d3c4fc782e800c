import { parseCmdline } from '../kit/proc/cmdline.js';
import { parseIdMap } from '../kit/proc/id-map.js';
import { parseLimits } from '../kit/proc/limits.js';
import { type Mount, parseMountinfo } from '../kit/proc/mountinfo.js';
import { readNamespaces } from '../kit/proc/namespaces.js';
import { readProcess } from '../kit/proc/processes.js';
import { readProcFile } from '../kit/proc/read.js';
import { type ProcStatus, parseStatus } from '../kit/proc/status.js';
import { visibleMounts } from '../kit/proc/visible-mounts.js';
import { deviceNodes } from './engine-mounts.js';
import type { Observation } from './observation.js';
import { observeCgroup } from './observe-cgroup.js';
import type { EvidenceRequest } from './request.js';
import { deviceText, sight, sightInside } from './sightings.js';

const mountTableCapBytes = 2 * 1024 * 1024;

/**
 * Asks the kernel everything at once. Never throws: what can't be read is undefined. The command line is read only
 * while process 1 is ours and nobody else's program has run, so nothing can make that reading hang.
 */
export async function observe(request: EvidenceRequest): Promise<Observation> {
  const { pid, procRoot = '/proc', cgroupRoot = '/sys/fs/cgroup', sysRoot = '/sys' } = request;
  const before = await readProcess(pid, procRoot);
  const read = (name: string, cap?: number): Promise<string | undefined> =>
    readProcFile(`${procRoot}/${pid}/${name}`, cap);
  const [process, parent, mountFacts, cgroup, swaps, lsm] = await Promise.all([
    observeProcess(read),
    observeParent(before?.ppid, procRoot),
    observeMounts(request, procRoot, read),
    observeCgroup(pid, procRoot, cgroupRoot),
    readProcFile(`${procRoot}/swaps`),
    observeLabels(read, sysRoot),
  ]);
  const [namespaces, ownNamespaces] = await Promise.all([
    readNamespaces(pid, procRoot),
    readNamespaces('self', procRoot),
  ]);
  const after = await readProcess(pid, procRoot);
  return {
    isSameProcess: before !== undefined && before.startTicks === after?.startTicks,
    ...process,
    ...parent,
    ...mountFacts,
    ...lsm,
    namespaces,
    ownNamespaces,
    cgroup,
    hasHostSwap: swaps === undefined ? undefined : swaps.trim().split('\n').length > 1,
  };
}

type Reader = (name: string, capBytes?: number) => Promise<string | undefined>;

async function observeProcess(
  read: Reader,
): Promise<Pick<Observation, 'status' | 'uidMap' | 'gidMap' | 'interfaces' | 'limits' | 'cmdline'>> {
  const [status, uidMap, gidMap, netDev, limits, cmdline] = await Promise.all(
    ['status', 'uid_map', 'gid_map', 'net/dev', 'limits', 'cmdline'].map((name) => read(name)),
  );
  return {
    status: status === undefined ? undefined : parseStatus(status),
    uidMap: uidMap === undefined ? undefined : parseIdMap(uidMap),
    gidMap: gidMap === undefined ? undefined : parseIdMap(gidMap),
    interfaces: netDev === undefined ? undefined : parseInterfaces(netDev),
    limits: limits === undefined ? undefined : parseLimits(limits),
    cmdline: cmdline === undefined ? undefined : parseCmdline(cmdline),
  };
}

/** Names in `/proc/PID/net/dev`; undefined when its two heading lines are not there. */
function parseInterfaces(text: string): readonly string[] | undefined {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length < 2 || lines[0]?.includes('Receive') !== true) return undefined;
  return lines.slice(2).map((line) => line.slice(0, Math.max(0, line.lastIndexOf(':'))).trim());
}

async function observeParent(
  ppid: number | undefined,
  procRoot: string,
): Promise<Pick<Observation, 'parentStatus' | 'parentNamespaces'>> {
  const parent = ppid ?? 0;
  const [text, parentNamespaces] = await Promise.all([
    readProcFile(`${procRoot}/${parent}/status`),
    readNamespaces(parent, procRoot),
  ]);
  const parentStatus: ProcStatus | undefined = text === undefined ? undefined : parseStatus(text);
  return { parentStatus, parentNamespaces };
}

async function observeMounts(
  request: EvidenceRequest,
  procRoot: string,
  read: Reader,
): Promise<Pick<Observation, 'mounts' | 'sightings' | 'ownProcDevice'>> {
  const { spec, approvedMounts } = request;
  const paths = [...approvedMounts.map((mount) => mount.target), ...spec.maskedPaths, ...Object.keys(deviceNodes)];
  const overlaid = approvedMounts.filter((mount) => mount.overlayOver !== undefined);
  const [text, inside, own, sources] = await Promise.all([
    read('mountinfo', mountTableCapBytes),
    sightInside(`${procRoot}/${request.pid}/root`, paths),
    sight(procRoot),
    Promise.all(overlaid.map(async ({ source }) => [`host:${source}`, await sight(source)] as const)),
  ]);
  return {
    mounts: text === undefined ? undefined : understoodMounts(text),
    sightings: new Map([...inside, ...sources]),
    ownProcDevice: typeof own === 'object' ? deviceText(BigInt(own.dev)) : undefined,
  };
}

function understoodMounts(text: string): readonly Mount[] | undefined {
  const table = parseMountinfo(text);
  return table.unreadableLines > 0 || table.mounts.length === 0 ? undefined : visibleMounts(table.mounts);
}

async function observeLabels(
  read: Reader,
  sysRoot: string,
): Promise<Pick<Observation, 'label' | 'apparmorLabel' | 'isSelinuxEnforcing'>> {
  const [label, apparmorLabel, enforce] = await Promise.all([
    read('attr/current'),
    read('attr/apparmor/current'),
    readProcFile(`${sysRoot}/fs/selinux/enforce`),
  ]);
  const clean = (text: string | undefined): string | undefined => text?.replace(/[\0\n]+$/, '');
  return {
    label: clean(label),
    apparmorLabel: clean(apparmorLabel),
    isSelinuxEnforcing: enforce === undefined ? undefined : enforce.trim() === '1',
  };
}
