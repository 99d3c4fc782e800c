import type { CanaryRun } from '../canary.js';
import { type DoctorContext, engineOf, type Finding } from '../context.js';
import { controllersRemedy } from './cgroups.js';

/** Whether each command of the canary had a cgroup of its own. No session needs that; what it is good for is in docs/enforcement.md. */
export async function commandCgroups(ctx: DoctorContext, run: CanaryRun): Promise<Finding> {
  const common = { part: 'command-cgroups', title: 'Each command has a cgroup of its own' };
  if (run.commandCgroups === 'in use') {
    return {
      ...common,
      status: 'pass',
      evidence: 'in use: a command ends whole when its memory or its time is used up',
    };
  }
  const evidence = `none: ${run.commandCgroups}; the limits hold for all commands of a sandbox together`;
  return { ...common, status: 'warn', evidence, remedy: await remedyFor(ctx, run) };
}

async function remedyFor(ctx: DoctorContext, { evidence }: CanaryRun): Promise<string> {
  if (engineOf(ctx)?.identity.kind !== 'podman')
    return 'Use rootless Podman: the containers of rootless Docker are one cgroup.';
  if (ctx.commands.path === 'exec')
    return 'Remove `channel = "exec"` from the settings, or PADDOCK_CHANNEL: `fifo` is the default.';
  const isHeld = (id: 'memory' | 'pids') => evidence.controls.some((row) => row.id === id && row.status === 'enforced');
  if (!isHeld('memory') || !isHeld('pids')) return await controllersRemedy(ctx);
  return 'Use crun as OCI runtime (`podman info --format "{{.Host.OCIRuntime.Name}}"`), and give the user a range in /etc/subuid (check `subids`).';
}
