import { type DoctorCheck, pass, unknown, warn } from '../context.js';
import { holesOf } from '../known-versions.js';
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
    const isRecent = major > least[0] || (major === least[0] && minor >= least[1]);
    const holes = tellsRepairs(release) ? holesOf('linux', release) : [];
    if (isRecent && holes.length === 0) {
      return pass(`Linux ${release} (${wanted}; which fixes it has, its number does not tell)`);
    }
    const isDnf = (await packageTool(ctx)) === 'dnf';
    const remedy = isDnf
      ? 'sudo dnf upgrade kernel && sudo reboot'
      : 'sudo apt-get update && sudo apt-get dist-upgrade && sudo reboot';
    const lacking = holes.map(({ cves, lets }) => `${cves.join(', ')}, which lets ${lets}`).join('; ');
    if (isRecent) return warn(`Linux ${release}, by its number without the repair of ${lacking}`, remedy);
    return warn(`Linux ${release}; ${wanted}`, remedy);
  },
};

/** Distributions that repair a kernel without raising its number leave the last part at 0, as in `6.1.0-44-amd64` and `5.14.0-570.el9`. */
function tellsRepairs(release: string): boolean {
  return !/^\d+\.\d+\.0(?:\D|$)/.test(release);
}
