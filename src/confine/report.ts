import { type NamespaceIds, namespaceKinds, readNamespaces } from '../kit/proc/namespaces.js';
import { readProcFile } from '../kit/proc/read.js';
import { parseStat } from '../kit/proc/stat.js';
import { loadedProfile } from './apparmor.js';
import { deviceNodes } from './engine-mounts.js';
import type { Observation, Sighting } from './observation.js';
import { observeProcess, understoodMounts } from './observe.js';
import { cgroupReport, cgroupWords } from './report-cgroup.js';
import type { EvidenceRequest } from './request.js';
import { selinuxMode } from './selinux.js';
import { deviceText, firstLinkOrLast, prefixesOf, sight } from './sightings.js';

/** What was answered to one word: the text of a file or link, what a path is, or that it could not be told. */
export type ReportAnswer =
  | { readonly text: string }
  | { readonly sighting: Exclude<Sighting, string>; readonly uid: number }
  | { readonly errno: number };
export type Report = ReadonlyMap<string, ReportAnswer>;

const enoent = 2;
const enotdir = 20;
const processFiles = [
  ...['status', 'stat', 'uid_map', 'gid_map', 'net/dev', 'limits', 'cmdline', 'mountinfo'],
  ...['attr/current', 'attr/apparmor/current'],
];
/** Of the host's root, so that it shows who that is inside. */
const rootsOwn = '/proc/sys';
const overflowUid = '/proc/sys/kernel/overflowuid';

/** What process 1 is asked, in the order of its answers. `ours`: a path inside that shows a file of this very user. */
export function reportWords({ approvedMounts, spec }: EvidenceRequest, ours: string): readonly string[] {
  const paths = [...approvedMounts.map(({ target }) => target), ...spec.maskedPaths, ...Object.keys(deviceNodes)];
  return [
    ...processFiles.map((name) => `f:/proc/1/${name}`),
    // Its own are those of process 1, which lets nobody look into it.
    ...namespaceKinds.map((kind) => `l:/proc/self/ns/${kind}`),
    ...cgroupWords,
    `f:${overflowUid}`,
    ...[...new Set([rootsOwn, ours, ...paths.flatMap(prefixesOf)])].map((path) => `s:${path}`),
  ];
}

/** Undefined where the answers are not those of our program to these words. */
export function parseReport(bytes: Buffer, words: readonly string[]): Report | undefined {
  const report = new Map<string, ReportAnswer>();
  let at = 0;
  for (const word of words) {
    const end = bytes.indexOf('\n', at);
    if (end < 0) return undefined;
    const [kind = '', ...numbers] = bytes.toString('latin1', at, end).split(' ');
    if (numbers.length === 0 || !numbers.every((number) => /^\d{1,20}$/.test(number))) return undefined;
    at = end + 1;
    const [first = ''] = numbers;
    if (kind === 'error') report.set(word, { errno: Number(first) });
    else if (kind === 'status' && numbers.length === 5) report.set(word, statusOf(numbers));
    else if (kind === 'ok' && at + Number(first) <= bytes.length) {
      report.set(word, { text: bytes.toString('utf8', at, at + Number(first)) });
      at += Number(first);
    } else return undefined;
  }
  return at === bytes.length ? report : undefined;
}

function statusOf([dev = '', ino = '', rdev = '', isLink, uid]: readonly string[]): ReportAnswer {
  return { sighting: { dev, ino, rdev: deviceText(BigInt(rdev)), isLink: isLink === '1' }, uid: Number(uid) };
}

/**
 * The same as `observe`, by what process 1 has said before anything foreign ran: its own words for what it is, the kernel's for what it
 * shows in there. What only an outsider sees (parent, engine, cgroups further up) is undefined.
 */
export async function observeReport(report: Report, request: EvidenceRequest, ours: string): Promise<Observation> {
  const { sysRoot = '/sys', procRoot = '/proc', apparmorProfile, apparmorRecords } = request;
  const read = (name: string) => textOf(report, `f:/proc/1/${name}`);
  const label = (name: string) => read(name)?.replace(/[\0\n]+$/, '');
  const loaded = apparmorProfile === undefined ? undefined : loadedProfile(apparmorProfile, sysRoot);
  const selinux = selinuxMode(sysRoot, { procRoot });
  const swaps = readProcFile(`${procRoot}/swaps`);
  return {
    isSameProcess: true,
    inside: {
      ownUid: uidOf(report, ours),
      rootUid: uidOf(report, rootsOwn),
      overflowUid: Number(textOf(report, `f:${overflowUid}`) ?? Number.NaN),
    },
    ...observeProcess(read),
    mounts: parsed(read('mountinfo'), understoodMounts),
    ...(await observeRest(report, request, procRoot)),
    namespaces: reportedNamespaces(report),
    parentNamespaces: noNamespaces,
    ownNamespaces: readNamespaces('self', procRoot),
    parentStatus: undefined,
    cgroup: cgroupReport((word) => textOf(report, word)),
    hasHostSwap: swaps === undefined ? undefined : swaps.trim().split('\n').length > 1,
    label: label('attr/current'),
    apparmorLabel: label('attr/apparmor/current'),
    apparmorMode: loaded?.mode,
    apparmorLoaded: apparmorProfile === undefined ? undefined : apparmorRecords?.judge(apparmorProfile, loaded),
    isSelinuxEnforcing: parsed(selinux, (mode) => mode === 'enforcing'),
  };
}

/** What names process 1 from within: its pid namespace, and when it was started. */
export function reportedInit(report: Report): { readonly namespace: string; readonly startTicks: number } | undefined {
  const namespace = reportedNamespaces(report).pid;
  const startTicks = parseStat(textOf(report, 'f:/proc/1/stat') ?? '')?.startTicks;
  return namespace === undefined || startTicks === undefined
    ? undefined
    : { namespace, startTicks: Number(startTicks) };
}

async function observeRest(
  report: Report,
  { approvedMounts, spec }: EvidenceRequest,
  procRoot: string,
): Promise<Pick<Observation, 'sightings' | 'ownProcDevice'>> {
  const look = (path: string) => sightingOf(report.get(`s:${path}`));
  const paths = [...approvedMounts.map(({ target }) => target), ...spec.maskedPaths, ...Object.keys(deviceNodes)];
  const overlaid = approvedMounts.filter(({ overlay }) => overlay !== undefined);
  const [inside, sources, own] = await Promise.all([
    Promise.all(paths.map(async (path) => [path, await firstLinkOrLast(path, look)] as const)),
    Promise.all(overlaid.map(async ({ source }) => [`host:${source}`, await sight(source)] as const)),
    sight(procRoot),
  ]);
  return {
    sightings: new Map([...inside, ...sources]),
    ownProcDevice: typeof own === 'object' ? deviceText(BigInt(own.dev)) : undefined,
  };
}

function sightingOf(answer: ReportAnswer | undefined): Sighting {
  if (answer !== undefined && 'sighting' in answer) return answer.sighting;
  const errno = answer !== undefined && 'errno' in answer ? answer.errno : undefined;
  return errno === enoent || errno === enotdir ? 'missing' : 'unreadable';
}

const noNamespaces = Object.fromEntries(namespaceKinds.map((kind) => [kind, undefined])) as NamespaceIds;

function reportedNamespaces(report: Report): NamespaceIds {
  const entries = namespaceKinds.map((kind) => {
    const link = textOf(report, `l:/proc/self/ns/${kind}`);
    return [kind, link !== undefined && /^[a-z]+:\[\d+\]$/.test(link) ? link : undefined] as const;
  });
  return Object.fromEntries(entries) as NamespaceIds;
}

function textOf(report: Report, word: string): string | undefined {
  const answer = report.get(word);
  return answer !== undefined && 'text' in answer ? answer.text : undefined;
}

function uidOf(report: Report, path: string): number | undefined {
  const answer = report.get(`s:${path}`);
  return answer !== undefined && 'uid' in answer ? answer.uid : undefined;
}

function parsed<T>(text: string | undefined, parse: (text: string) => T): T | undefined {
  return text === undefined ? undefined : parse(text);
}
