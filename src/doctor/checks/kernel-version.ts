import { type DoctorCheck, pass, unknown, warn } from '../context.js';
import { packageTool } from '../shell.js';
import { holesOf } from '../version-order.js';

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
    const told =
      debianRelease(await ctx.files.readText('/proc/sys/kernel/version')) ??
      (tellsRepairs(release) ? release : undefined);
    const shown = told === undefined || told === release ? release : `${release}, Debian’s ${told}`;
    const holes = told === undefined ? [] : holesOf('linux', told);
    if (isRecent && holes.length === 0) {
      const seen =
        told === undefined ? 'which repairs it has, its number does not tell' : 'none of the known holes by its number';
      return pass(`Linux ${shown} (${wanted}; ${seen})`);
    }
    const isDnf = (await packageTool(ctx)) === 'dnf';
    const remedy = isDnf
      ? 'sudo dnf upgrade kernel && sudo reboot'
      : 'sudo apt-get update && sudo apt-get dist-upgrade && sudo reboot';
    const lacking = holes.map(({ cves, lets }) => `${cves.join(', ')}, which lets ${lets}`).join('; ');
    if (isRecent) return warn(`Linux ${shown}, by its number without the repair of ${lacking}`, remedy);
    return warn(`Linux ${release}; ${wanted}`, remedy);
  },
};

/** Debian's kernels name themselves `6.1.0-44-amd64`, and what they are made from in their version: `#1 SMP … Debian 6.1.164-1 (2026-03-09)`. */
function debianRelease(version: string | undefined): string | undefined {
  return /\bDebian (\d+\.\d+(?:\.\d+)?)\b/.exec(version ?? '')?.[1];
}

/** Distributions that repair a kernel without raising its number leave the last part at 0, as in `6.1.0-44-amd64` and `5.14.0-570.el9`. */
function tellsRepairs(release: string): boolean {
  return !/^\d+\.\d+\.0(?:\D|$)/.test(release);
}
