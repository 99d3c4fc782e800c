import { parseCmdline } from '../kit/proc/cmdline.js';
import { parseIdMap } from '../kit/proc/id-map.js';
import { parseLimits } from '../kit/proc/limits.js';
import { type Mount, parseMountinfo } from '../kit/proc/mountinfo.js';
import { readNamespaces } from '../kit/proc/namespaces.js';
import { readProcess } from '../kit/proc/processes.js';
import { readProcFile } from '../kit/proc/read.js';
import { parseStatus } from '../kit/proc/status.js';
import { visibleMounts } from '../kit/proc/visible-mounts.js';
import { loadedProfile } from './apparmor.js';
import { deviceNodes } from './engine-mounts.js';
import type { Observation } from './observation.js';
import { observeCgroup } from './observe-cgroup.js';
import { networkHelpersOf } from './observe-network.js';
import type { EvidenceRequest } from './request.js';
import { deviceText, sight, sightInside } from './sightings.js';

const mountTableCapBytes = 2 * 1024 * 1024;

/**
 * Asks the kernel everything at once, within one turn but for the paths, which may lie on anything. Never throws: what can't be read is undefined. The command line is read only
 * while process 1 is ours and nobody else's program has run, so nothing can make that reading hang.
 */
export async function observe(request: EvidenceRequest): Promise<Observation> {
  const { pid, procRoot = '/proc', cgroupRoot = '/sys/fs/cgroup', sysRoot = '/sys' } = request;
  const before = readProcess(pid, procRoot);
  const read = (name: string, cap?: number): string | undefined => readProcFile(`${procRoot}/${pid}/${name}`, cap);
  const mountFacts = await observeMounts(request, procRoot, read);
  const swaps = readProcFile(`${procRoot}/swaps`);
  const seen = {
    ...observeProcess(read),
    ...observeParent(before?.ppid, procRoot),
    ...mountFacts,
    ...observeLabels(read, sysRoot, request),
    namespaces: readNamespaces(pid, procRoot),
    ownNamespaces: readNamespaces('self', procRoot),
    cgroup: observeCgroup(pid, procRoot, cgroupRoot),
  };
  const joined = { netns: [seen.namespaces.net, seen.parentNamespaces.net], monitorPid: before?.ppid };
  const after = readProcess(pid, procRoot);
  return {
    ...seen,
    networkHelpers: request.spec.network === 'open' ? networkHelpersOf(joined, procRoot) : undefined,
    isSameProcess: before !== undefined && before.startTicks === after?.startTicks,
    hasHostSwap: swaps === undefined ? undefined : swaps.trim().split('\n').length > 1,
  };
}

type Reader = (name: string, capBytes?: number) => string | undefined;

/** What a process' own files in /proc say, however they were read. */
export function observeProcess(
  read: Reader,
): Pick<Observation, 'status' | 'uidMap' | 'gidMap' | 'interfaces' | 'limits' | 'cmdline'> {
  return {
    status: parsed(read('status'), parseStatus),
    uidMap: parsed(read('uid_map'), parseIdMap),
    gidMap: parsed(read('gid_map'), parseIdMap),
    interfaces: parsed(read('net/dev'), interfaceNames),
    limits: parsed(read('limits'), parseLimits),
    cmdline: parsed(read('cmdline'), parseCmdline),
  };
}

function parsed<T>(text: string | undefined, parse: (text: string) => T): T | undefined {
  return text === undefined ? undefined : parse(text);
}

/** Names in `/proc/PID/net/dev`; undefined when its two heading lines are not there. */
function interfaceNames(text: string): readonly string[] | undefined {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length < 2 || lines[0]?.includes('Receive') !== true) return undefined;
  return lines.slice(2).map((line) => line.slice(0, Math.max(0, line.lastIndexOf(':'))).trim());
}

function observeParent(
  ppid: number | undefined,
  procRoot: string,
): Pick<Observation, 'parentStatus' | 'parentNamespaces'> {
  const parent = ppid ?? 0;
  return {
    parentStatus: parsed(readProcFile(`${procRoot}/${parent}/status`), parseStatus),
    parentNamespaces: readNamespaces(parent, procRoot),
  };
}

async function observeMounts(
  request: EvidenceRequest,
  procRoot: string,
  read: Reader,
): Promise<Pick<Observation, 'mounts' | 'sightings' | 'ownProcDevice'>> {
  const { spec, approvedMounts } = request;
  const paths = [...approvedMounts.map((mount) => mount.target), ...spec.maskedPaths, ...Object.keys(deviceNodes)];
  const overlaid = approvedMounts.filter((mount) => mount.overlay !== undefined);
  const text = read('mountinfo', mountTableCapBytes);
  const [inside, own, sources] = await Promise.all([
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

/** Undefined where a line could not be understood. */
export function understoodMounts(text: string): readonly Mount[] | undefined {
  const table = parseMountinfo(text);
  return table.unreadableLines > 0 || table.mounts.length === 0 ? undefined : visibleMounts(table.mounts);
}

function observeLabels(
  read: Reader,
  sysRoot: string,
  { apparmorProfile, apparmorRecords }: EvidenceRequest,
): Pick<Observation, 'label' | 'apparmorLabel' | 'apparmorMode' | 'apparmorLoaded' | 'isSelinuxEnforcing'> {
  const clean = (text: string | undefined): string | undefined => text?.replace(/[\0\n]+$/, '');
  const profile = apparmorProfile === undefined ? undefined : loadedProfile(apparmorProfile, sysRoot);
  return {
    label: clean(read('attr/current')),
    apparmorLabel: clean(read('attr/apparmor/current')),
    apparmorMode: profile?.mode,
    apparmorLoaded: apparmorProfile === undefined ? undefined : apparmorRecords?.judge(apparmorProfile, profile),
    isSelinuxEnforcing: parsed(readProcFile(`${sysRoot}/fs/selinux/enforce`), (text) => text.trim() === '1'),
  };
}
