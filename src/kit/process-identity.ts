import { readFileSync } from 'node:fs';
import { PaddockError } from '../core/errors.js';
import { codeOf } from './error-code.js';
import { readLinkOrNothing } from './proc/read.js';
import { type ProcStat, parseStat } from './proc/stat.js';

/**
 * Which process, beyond doubt: a pid alone is reused, within minutes on a busy host. The start time tells two holders of
 * one pid apart, the boot id two boots (start times count from boot).
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks between boot and the start of the process. */
  readonly startTimeTicks: number;
  /** /proc/sys/kernel/random/boot_id. Containers of one host share it. */
  readonly bootId: string;
  /** Whose number the pid is (`pid:[…]`); absent in what older versions wrote, and where /proc does not say. */
  readonly pidNamespace?: string | undefined;
}

/**
 * The identity of a process, by default our own; undefined when there is none of that pid (or /proc hides it).
 * A process that has ended and waits to be reaped still has one; `isAlive` says no to it.
 */
export function readProcessIdentity(pid: number = process.pid): Promise<ProcessIdentity | undefined> {
  return settled(() => {
    const stat = readStat(pid);
    const pidNamespace = ownPidNamespace();
    const known = { pid, startTimeTicks: Number(stat?.startTicks), bootId: readBootId() };
    return stat && { ...known, ...(pidNamespace === undefined ? {} : { pidNamespace }) };
  });
}

/** Which process this is. Errors: INTERNAL where /proc does not show it; nothing that it makes could be told from what is left over then. */
export async function ownIdentity(): Promise<ProcessIdentity> {
  const self = await readProcessIdentity();
  if (self === undefined) throw new PaddockError('INTERNAL', '/proc does not show this process');
  return self;
}

/**
 * Whether that very process still runs. Of another pid namespace's (a container's, or the host's from within one) nothing is known but
 * that it did not outlive this boot: it counts as running, so that nobody takes away what is its.
 */
export function isAlive(identity: ProcessIdentity): Promise<boolean> {
  return settled(() => {
    if (isOfOtherNamespace(identity)) return !isOfEarlierBoot(identity);
    const stat = readStat(identity.pid);
    if (stat === undefined || Number(stat.startTicks) !== identity.startTimeTicks) return false;
    // Zombies and dying processes run nothing any more.
    if (stat.state === 'Z' || stat.state === 'X') return false;
    return !isOfEarlierBoot(identity);
  });
}

/** Whether it began before the kernel that runs now: nothing of it is left then. */
export function isOfEarlierBoot({ bootId }: ProcessIdentity): boolean {
  return bootId !== readBootId();
}

/** As text that is the same for the same process alone. */
export function identityText({ pid, startTimeTicks, bootId, pidNamespace = '' }: ProcessIdentity): string {
  return `${pid} ${startTimeTicks} ${bootId} ${pidNamespace}`;
}

export function isOfOtherNamespace({ pidNamespace }: ProcessIdentity): boolean {
  return pidNamespace !== undefined && pidNamespace !== ownPidNamespace();
}

function ownPidNamespace(): string | undefined {
  return readLinkOrNothing('/proc/self/ns/pid');
}

/** As a promise, failures too: callers may be given others that wait. Here the kernel is read, without turns of the thread pool. */
function settled<T>(look: () => T): Promise<T> {
  return new Promise((resolve) => resolve(look()));
}

function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

function readStat(pid: number): ProcStat | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
  return parseStat(text);
}

function isGone(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ESRCH';
}
