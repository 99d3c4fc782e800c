import type { SitePolicy } from '../core/site-policy.js';
import type { TmpfsSpec } from '../core/spec.js';
import { formatBytes } from '../core/units.js';
import { sandboxHome } from './surroundings.js';
import { deny } from './verdict.js';
import type { TmpfsWish } from './wishes.js';

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
 * All tmpfs of one sandbox. Asked sizes are taken as they are; defaults share what the site's ceiling leaves, and when
 * that is not enough for a usable rest the request is refused (`tmpfs.ceiling`).
 */
export function decideTmpfs(wishes: readonly TmpfsWish[], policy: SitePolicy): readonly TmpfsSpec[] {
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
  return shareCeiling(
    plans.map((plan) =>
      overlay(
        plan,
        wishes.find(({ target }) => target === plan.target),
      ),
    ),
    policy.ceilings.tmpfsBytes,
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

function shareCeiling(plans: readonly Sized[], ceilingBytes: number): readonly TmpfsSpec[] {
  const sum = (items: readonly Sized[]) => items.reduce((total, { spec }) => total + spec.sizeBytes, 0);
  const asked = plans.filter((plan) => plan.asked);
  const rest = plans.filter((plan) => !plan.asked);
  const left = ceilingBytes - sum(asked);
  if (left < rest.length * leastBytes) {
    deny('tmpfs.ceiling', `all tmpfs together are above the ceiling of ${formatBytes(ceilingBytes)}`);
  }
  const share = Math.min(1, (left - rest.length * leastBytes) / Math.max(1, sum(rest)));
  return plans.map(({ spec, asked: fixed }) =>
    fixed ? spec : { ...spec, sizeBytes: Math.min(spec.sizeBytes, leastBytes + Math.floor(spec.sizeBytes * share)) },
  );
}
