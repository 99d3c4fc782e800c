import { formatBytes } from '../../core/units.js';
import { type DoctorCheck, pass, warn } from '../context.js';

/** Whether one more default sandbox fits. */
export const loadCheck: DoctorCheck = {
  id: 'load',
  title: 'The host has memory and processor time to give',
  async run(ctx) {
    const load = await ctx.load();
    const { memoryBytes } = ctx.sitePolicy.defaults;
    const evidence =
      `${formatBytes(load.memoryAvailableBytes)} of ${formatBytes(load.memoryTotalBytes)} memory available, ` +
      `load ${load.load1.toFixed(2)} on ${load.cpuCount} processors (${load.cpuPercent}% busy)`;
    if (load.memoryAvailableBytes < memoryBytes) {
      return warn(
        `${evidence}; a default sandbox may use ${formatBytes(memoryBytes)}`,
        '`paddock ps`, then `paddock rm ID` what is not needed; or ask for less: `--memory 256m`.',
      );
    }
    if (load.load1 > load.cpuCount * 4)
      return warn(evidence, '`paddock ps` lists the sessions; `paddock rm ID` ends one that outlives its command.');
    return pass(evidence);
  },
};
