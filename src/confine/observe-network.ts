import { statSync } from 'node:fs';
import { parseCmdline } from '../kit/proc/cmdline.js';
import { readNamespaces } from '../kit/proc/namespaces.js';
import { listProcesses } from '../kit/proc/processes.js';
import { readProcFile } from '../kit/proc/read.js';
import { parseStatus } from '../kit/proc/status.js';

/** A process outside that carries the packets of a network namespace. */
export interface NetworkHelperSeen {
  readonly name: 'slirp4netns' | 'pasta';
  /** Undefined: a process of ours by that name, of which the kernel does not show where it lives, so it may serve anybody. */
  readonly argv: readonly string[] | undefined;
}

export interface NetworksJoined {
  /** Those that lead out of a sandbox: its own, and that of the process that started it. */
  readonly netns: readonly (string | undefined)[];
  /** The process that started the sandbox: it sees the files that the engine gave network namespaces, which only the engine's mount namespace has. */
  readonly monitorPid: number | undefined;
}

/** Of the process whose network they carry: `slirp4netns … PID tap0`, `pasta … --netns /proc/PID/ns/net`, `pasta … PID`. */
const target = /^(?:\/proc\/)?(\d{1,10})(?:\/ns\/net)?$/;

/**
 * Who joins one of these network namespaces to another. A process is asked for its words only where it lives as no program in a sandbox can: what
 * runs there may call itself anything, and make whoever reads its command line wait for ever. A program of the user's own, outside, could pass for
 * one; it needs no sandbox to reach what the user reaches, and hides no other: each that is found has to keep the host closed.
 */
export function networkHelpersOf(joined: NetworksJoined, procRoot = '/proc'): readonly NetworkHelperSeen[] {
  const lives = placesOutside(joined.monitorPid, procRoot);
  return listProcesses(procRoot).flatMap(({ pid, comm }): NetworkHelperSeen[] => {
    const name = comm.startsWith('pasta') ? 'pasta' : comm === 'slirp4netns' ? comm : undefined;
    if (name === undefined) return [];
    const isOutside = lives(pid);
    if (isOutside === undefined) return [{ name, argv: undefined }];
    const text = isOutside ? readProcFile(`${procRoot}/${pid}/cmdline`) : undefined;
    const argv = text === undefined ? undefined : parseCmdline(text);
    return argv?.some((word) => isOneOf(joined, word, procRoot)) === true ? [{ name, argv }] : [];
  });
}

/**
 * Tells of a process whether it lives outside of every sandbox, undefined where a process of our user does not show it. Either it is in our own pid
 * namespace, or, as pasta that has locked itself in, in our own network, of which no sandbox has any part, and in the user namespace of the engine or in ours.
 */
function placesOutside(monitorPid: number | undefined, procRoot: string): (pid: number) => boolean | undefined {
  const own = readNamespaces('self', procRoot);
  const engine = monitorPid === undefined ? undefined : readNamespaces(monitorPid, procRoot).user;
  return (pid) => {
    const { pid: pidns, net, user } = readNamespaces(pid, procRoot);
    if (pidns === undefined) return isOurs(pid, procRoot) ? undefined : false;
    if (pidns === own.pid) return true;
    return net !== undefined && net === own.net && user !== undefined && [own.user, engine].includes(user);
  };
}

function isOurs(pid: number, procRoot: string): boolean {
  const uidOf = (who: number | 'self') => parseStatus(readProcFile(`${procRoot}/${who}/status`) ?? '').uids?.[0];
  const uid = uidOf(pid);
  return uid !== undefined && uid === uidOf('self');
}

/** Whether a word of a command line names one of these: by a process in it, or by a file, with its option or by itself. */
function isOneOf({ netns, monitorPid }: NetworksJoined, word: string, procRoot: string): boolean {
  const place = word.startsWith('--netns=') ? word.slice('--netns='.length) : word;
  const [, of] = target.exec(place) ?? [];
  if (of !== undefined) return isIn(netns, readNamespaces(Number(of), procRoot).net);
  if (!place.startsWith('/') || monitorPid === undefined) return false;
  return isIn(netns, networkAt(`${procRoot}/${monitorPid}/root${place}`, `${procRoot}/${monitorPid}/ns/net`));
}

function isIn(netns: readonly (string | undefined)[], net: string | undefined): boolean {
  return net !== undefined && netns.includes(net);
}

/** The network namespace that a file is, told from other files with its number by the file system of one that is known to be one. */
function networkAt(path: string, known: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return dev === statSync(known, { bigint: true }).dev ? `net:[${ino}]` : undefined;
  } catch {
    return undefined;
  }
}
