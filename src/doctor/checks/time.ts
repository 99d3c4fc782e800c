import { type DoctorCheck, fail, pass, unknown } from '../context.js';

/** No host that runs this version can honestly be earlier. */
const earliestMs = Date.UTC(2026, 0, 1);
const latestMs = Date.UTC(2100, 0, 1);

/** Deadlines, records and the audit log are worth what the clock is. */
export const timeCheck: DoctorCheck = {
  id: 'time',
  title: 'The clock is sane',
  async run(ctx) {
    const now = ctx.clock.now();
    const text = (await ctx.files.readText('/proc/stat')) ?? '';
    const bootMs = Number(/^btime (\d+)$/m.exec(text)?.[1]) * 1000;
    const shown = new Date(now).toISOString();
    const remedy = 'sudo timedatectl set-ntp true';
    if (now < earliestMs || now > latestMs) return fail(`the clock says ${shown}`, remedy);
    if (Number.isNaN(bootMs))
      return unknown(`the clock says ${shown}; when the host was booted is not readable`, 'cat /proc/stat');
    if (bootMs > now + 1000)
      return fail(`the clock says ${shown}, before the boot at ${new Date(bootMs).toISOString()}`, remedy);
    return pass(`${shown}, up since ${new Date(bootMs).toISOString()}`);
  },
};
