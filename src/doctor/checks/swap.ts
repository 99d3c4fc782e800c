import { formatBytes } from '../../core/units.js';
import { type DoctorCheck, engineOf, pass, warn } from '../context.js';

/** Memory of a sandbox can only be kept off the disk, and its limit be meant, where the memory controller is the engine's. */
export const swapCheck: DoctorCheck = {
  id: 'swap',
  title: 'Sandboxes stay out of swap',
  async run(ctx, signal) {
    const { swapTotalBytes } = await ctx.load();
    if (swapTotalBytes === 0) return pass('this host has no swap');
    const size = formatBytes(swapTotalBytes);
    const isHeld = (await engineOf(ctx)?.info(signal))?.memoryLimit ?? false;
    if (isHeld) return pass(`${size} of swap; sandboxes get none of it (memory.swap.max)`);
    return warn(
      `${size} of swap, and the engine can't keep sandboxes out of it: what they hold can reach the disk`,
      'Follow the remedy of the check `cgroups`, or encrypt the swap, or switch it off: `sudo swapoff -a`.',
    );
  },
};
