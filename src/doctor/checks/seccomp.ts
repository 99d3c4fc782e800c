import { type DoctorCheck, engineOf, fail, noEngine, pass } from '../context.js';

/** The kernel filters system calls, and the engine hands it filters; that it hands it ours is what the canary proves. */
export const seccompCheck: DoctorCheck = {
  id: 'seccomp',
  title: 'System calls are filtered (seccomp)',
  async run(ctx, signal) {
    const actions = (await ctx.files.readText('/proc/sys/kernel/seccomp/actions_avail'))?.trim();
    if (actions === undefined) {
      return fail(
        'this kernel has no seccomp filters',
        'Boot a kernel with CONFIG_SECCOMP_FILTER=y: every stock one of a distribution has it.',
      );
    }
    const engine = engineOf(ctx);
    if (engine === undefined) return noEngine;
    const { seccomp } = await engine.info(signal);
    if (seccomp)
      return pass(
        `${engine.identity.kind} sets filters, of which every sandbox gets Paddock's; kernel actions: ${actions}`,
      );
    const config =
      engine.identity.kind === 'docker' ? '~/.config/docker/daemon.json' : '~/.config/containers/containers.conf';
    return fail(
      `${engine.identity.kind} was built or set up without seccomp`,
      `Remove \`seccomp-profile\` / \`seccomp_profile\` from ${config}, restart the engine, or install your distribution's build of it.`,
    );
  },
};
