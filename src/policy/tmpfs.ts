import type { SitePolicy } from '../core/site-policy.js';
import type { TmpfsSpec } from '../core/spec.js';
import { formatBytes } from '../core/units.js';
import { sandboxHome } from './surroundings.js';
import { deny } from './verdict.js';
import type { TmpfsWish } from './wishes.js';

/**
 * What is in a tmpfs or in shared memory is charged to the sandbox and stays when its writer is gone: a full one must leave enough to run
 * the `rm` that empties it. So all of them together hold at most half of the memory by default, and three quarters where they are asked for
 * (the quarter that is left is 32 MiB at 128 MiB). What nobody asked for gets an eighth even beside large ones that somebody did.
 */
const shares = { usual: 1 / 2, most: 3 / 4, beside: 1 / 8, shm: 1 / 16 } as const;

/** Shared memory of a sandbox that asks for none. */
export function usualShmBytes(memoryBytes: number, fallback: number): number {
  return Math.min(fallback, Math.floor(memoryBytes * shares.shm));
}

/** What all tmpfs of a sandbox share with its processes. */
export interface MemoryShare {
  readonly memoryBytes: number;
  /** Where it was asked for; else a fixed share is left for it, whatever the site makes of that. */
  readonly askedShmBytes: number | undefined;
}

/** Whether full tmpfs and shared memory of these sizes leave processes a quarter of the memory. */
export function leavesRoom(heldBytes: number, memoryBytes: number): boolean {
  return heldBytes <= memoryBytes * shares.most;
}

/** Least size of a tmpfs: less than a page is no file system. */
const leastBytes = 64 * 1024;
const runBytes = 16 * 1024 ** 2;

interface Scratch extends TmpfsSpec {
  /** Whether a caller may turn exec on or off here. */
  readonly execMayChange: boolean;
}

/**
 * What is always writable. Tools unpack and run programs in /tmp, /var/tmp and home; nothing needs to run from /run,
 * which holds sockets and pid files.
 */
function scratch({ defaults }: SitePolicy): readonly Scratch[] {
  const shared = { mode: 0o1777, executable: true, ownedByUser: false, execMayChange: true };
  return [
    { target: '/tmp', sizeBytes: defaults.tmpBytes, ...shared },
    { target: '/var/tmp', sizeBytes: defaults.tmpBytes, ...shared },
    { target: '/run', sizeBytes: runBytes, mode: 0o755, executable: false, ownedByUser: true, execMayChange: false },
    {
      target: sandboxHome,
      sizeBytes: defaults.homeBytes,
      mode: 0o700,
      executable: true,
      ownedByUser: true,
      execMayChange: true,
    },
  ];
}

/**
 * All tmpfs of one sandbox. Asked sizes are taken as they are; defaults share what the site's ceiling and the memory leave, and when
 * that is not enough for a usable rest the request is refused (`tmpfs.ceiling`, `tmpfs.memory`).
 */
export function decideTmpfs(
  wishes: readonly TmpfsWish[],
  policy: SitePolicy,
  share: MemoryShare,
): readonly TmpfsSpec[] {
  const base = scratch(policy);
  const seen = new Set<string>();
  for (const { target } of wishes) {
    if (seen.has(target)) deny('mounts.overlap', `two tmpfs at ${target}`);
    seen.add(target);
  }
  // A tmpfs of the caller's own begins like /tmp, but without exec, as Docker has it.
  const own = wishes.filter((wish) => !base.some(({ target }) => target === wish.target));
  const defaultsOf = (target: string): Scratch => ({
    ...{ target, sizeBytes: policy.defaults.tmpBytes, mode: 0o1777, executable: false, ownedByUser: false },
    execMayChange: true,
  });
  const plans = [...base, ...own.map(({ target }) => defaultsOf(target))];
  return shareOut(
    plans.map((plan) =>
      overlay(
        plan,
        wishes.find(({ target }) => target === plan.target),
      ),
    ),
    policy.ceilings.tmpfsBytes,
    share,
  );
}

interface Sized {
  readonly spec: TmpfsSpec;
  readonly asked: boolean;
}

function overlay({ execMayChange, ...plan }: Scratch, wish: TmpfsWish | undefined): Sized {
  if (wish === undefined) return { spec: plan, asked: false };
  if (wish.executable === true && !execMayChange) deny('tmpfs.option', `${plan.target} is never executable`);
  if (wish.sizeBytes !== undefined && wish.sizeBytes < leastBytes) {
    deny(
      'limits.too-small',
      `a tmpfs of ${formatBytes(wish.sizeBytes)} at ${plan.target} is below ${formatBytes(leastBytes)}`,
    );
  }
  return {
    spec: {
      ...plan,
      sizeBytes: wish.sizeBytes ?? plan.sizeBytes,
      mode: wish.mode ?? plan.mode,
      executable: wish.executable ?? plan.executable,
    },
    asked: wish.sizeBytes !== undefined,
  };
}

function shareOut(plans: readonly Sized[], ceilingBytes: number, memory: MemoryShare): readonly TmpfsSpec[] {
  const sum = (items: readonly Sized[]) => items.reduce((total, { spec }) => total + spec.sizeBytes, 0);
  const asked = sum(plans.filter((plan) => plan.asked));
  const rest = plans.filter((plan) => !plan.asked);
  const least = rest.length * leastBytes;
  if (ceilingBytes - asked < least) {
    deny('tmpfs.ceiling', `all tmpfs together are above the ceiling of ${formatBytes(ceilingBytes)}`);
  }
  const left = Math.min(ceilingBytes - asked, roomInMemory(asked, least, memory));
  const part = Math.min(1, (left - least) / Math.max(1, sum(rest)));
  return plans.map(({ spec, asked: fixed }) =>
    fixed ? spec : { ...spec, sizeBytes: Math.min(spec.sizeBytes, leastBytes + Math.floor(spec.sizeBytes * part)) },
  );
}

/** What the memory leaves for those that nobody asked for; refuses when that is less than they need. */
function roomInMemory(askedBytes: number, leastRoom: number, { memoryBytes, askedShmBytes }: MemoryShare): number {
  const heldBytes = askedBytes + (askedShmBytes ?? memoryBytes * shares.shm);
  const beside = Math.min(memoryBytes * shares.most - heldBytes, memoryBytes * shares.beside);
  const room = Math.floor(Math.max(memoryBytes * shares.usual - heldBytes, beside));
  if (room < leastRoom) {
    const what = `tmpfs and shared memory of ${formatBytes(askedBytes + (askedShmBytes ?? 0))}`;
    deny('tmpfs.memory', `${what} leave too little of the memory of ${formatBytes(memoryBytes)}`);
  }
  return room;
}
