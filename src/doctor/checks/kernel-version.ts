import { type DoctorCheck, pass, unknown, warn } from '../context.js';
import { packageTool } from '../shell.js';

/** Overlay mounts inside a user namespace came with Linux 5.11: without them rootless storage is slow or fails. */
const least = [5, 11] as const;

export const kernelVersionCheck: DoctorCheck = {
  id: 'kernel',
  title: 'The kernel is recent enough',
  async run(ctx) {
    const release = (await ctx.files.readText('/proc/sys/kernel/osrelease'))?.trim() ?? '';
    const match = /^(\d+)\.(\d+)/.exec(release);
    if (!match) return unknown('the release of the kernel could not be read', 'uname -r');
    const [major, minor] = [Number(match[1]), Number(match[2])];
    const wanted = `at least ${least.join('.')} is needed`;
    if (major > least[0] || (major === least[0] && minor >= least[1])) {
      return pass(`Linux ${release} (${wanted}; which fixes it has, its number does not tell)`);
    }
    const isDnf = (await packageTool(ctx)) === 'dnf';
    const remedy = isDnf
      ? 'sudo dnf upgrade kernel && sudo reboot'
      : 'sudo apt-get update && sudo apt-get dist-upgrade && sudo reboot';
    return warn(`Linux ${release}; ${wanted}`, remedy);
  },
};
