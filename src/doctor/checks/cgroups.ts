import type { ControlId } from '../../core/evidence.js';
import type { EngineInfo } from '../../engine/types.js';
import {
  type DoctorCheck,
  type DoctorContext,
  engineOf,
  type Finding,
  fail,
  hostsOwn,
  noEngine,
  pass,
  warn,
} from '../context.js';

const limits: readonly (readonly ['memory' | 'cpu' | 'pids', (info: EngineInfo) => boolean])[] = [
  ['memory', (info) => info.memoryLimit],
  ['cpu', (info) => info.cpuLimit],
  ['pids', (info) => info.pidsLimit],
];

/**
 * What the user's systemd may hand out. Podman names only the controllers of the cgroup that its own process is in, but
 * systemd turns on what a container's scope asks for, up to what was delegated to the user's manager.
 */
async function delegatedBySystemd(ctx: DoctorContext, info: EngineInfo): Promise<readonly string[]> {
  if (info.cgroupManager !== 'systemd' || !info.rootless) return [];
  const { uid } = ctx.user;
  const folder = `/sys/fs/cgroup/user.slice/user-${uid}.slice/user@${uid}.service`;
  const text = await ctx.files.readText(`${folder}/cgroup.controllers`);
  return text?.split(/\s+/).filter((word) => word !== '') ?? [];
}

const delegate =
  "sudo mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' | " +
  'sudo tee /etc/systemd/system/user@.service.d/delegate.conf && sudo systemctl daemon-reload; then log out of every session and in again, or reboot.';
const withoutSystemd =
  'As root, give the engine a cgroup of its user with the controllers: `echo "+cpu +memory +pids" > /sys/fs/cgroup/cgroup.subtree_control`, ' +
  'make a folder there, `chown -R` it to the user, and start the engine from a process moved into it. With systemd none of this is needed.';
const unified =
  'sudo grubby --update-kernel=ALL --args=systemd.unified_cgroup_hierarchy=1 (Fedora, RHEL), or add that word to GRUB_CMDLINE_LINUX in ' +
  '/etc/default/grub and run `sudo update-grub` (Debian, Ubuntu); then reboot.';

/** Limits need cgroup v2 and controllers that the user was given; without them engines accept limits and enforce nothing. */
export const cgroupsCheck: DoctorCheck = {
  id: 'cgroups',
  title: 'The kernel can hold limits (cgroup v2, delegated controllers)',
  async run(ctx, signal) {
    const engine = engineOf(ctx);
    if (engine === undefined) return noEngine;
    const info = await engine.info(signal);
    const root = await ctx.files.readText('/sys/fs/cgroup/cgroup.controllers');
    if (root === undefined || info.cgroupVersion === 1) {
      return grade(ctx, 'cgroup v1 or hybrid: a rootless engine enforces no limit', unified, ['memory', 'cpu', 'pids']);
    }
    const delegated = await delegatedBySystemd(ctx, info);
    const missing = limits.filter(([id, has]) => !has(info) && !delegated.includes(id)).map(([id]) => id);
    const named = [...new Set([...(info.cgroupControllers ?? []), ...delegated])].sort().join(' ');
    const given = named || (missing.length === 0 ? 'memory cpu pids' : 'not all');
    const seen = `cgroup v2, manager ${info.cgroupManager}, controllers for the engine: ${given} (kernel: ${root.trim() || 'none'})`;
    if (missing.length === 0) return pass(seen);
    if (ctx.isContained && info.cgroupManager === 'systemd') {
      const left = missing.join(', ');
      return hostsOwn(`${seen}; whether the user's systemd gives ${left} to the engine`);
    }
    return grade(ctx, `${seen}; not enforceable: ${missing.join(', ')}`, await controllersRemedy(ctx), missing);
  },
};

/** How the engine comes by controllers. */
export async function controllersRemedy(ctx: DoctorContext): Promise<string> {
  return (await ctx.files.facts('/run/systemd/system')) === undefined ? withoutSystemd : delegate;
}

/** Sessions say themselves that a limit is absent; only a policy that requires it makes this a failure. */
function grade(ctx: DoctorContext, evidence: string, remedy: string, missing: readonly ControlId[]): Finding {
  const required = missing.filter((id) => ctx.sitePolicy.require.includes(id));
  if (required.length === 0) return warn(evidence, remedy);
  return fail(`${evidence}; the site policy requires ${required.join(', ')}, so no session can be created`, remedy);
}
