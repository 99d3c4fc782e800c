import { basename, join } from 'node:path';
import { type DoctorCheck, type DoctorContext, type Finding, pass, warn } from '../context.js';
import { word } from '../shell.js';

/** Process 1 puts itself and so every command under it, also on rootless Podman, which applies no profile. */
export const apparmorProfileCheck: DoctorCheck = {
  id: 'apparmor-profile',
  title: 'The AppArmor profile of sandboxes is loaded',
  async run(ctx) {
    const first = judged(await ctx.apparmor(), ctx);
    // Where nobody may ask for such sessions nothing is missing.
    if (!ctx.sitePolicy.seccomp.includes('nested')) return first;
    const title = 'The AppArmor profile of sessions with `seccomp = nested` is loaded';
    return [first, { ...judged(await ctx.nestedAppArmor(), ctx), part: 'nested', title }];
  },
};

type Profile = Awaited<ReturnType<DoctorContext['apparmor']>>;

function judged({ isOn, file, mode, installed }: Profile, { paths }: DoctorContext): Finding {
  if (!isOn) return pass('AppArmor is not in use here');
  if (mode === 'enforce' && file === 'current') return pass(`${installed} is loaded and enforced`);
  const shipped = join(paths.installation, 'profiles/apparmor', basename(installed));
  const remedy = `sudo cp ${word(shipped)} ${installed} && sudo apparmor_parser -r ${installed}`;
  if (mode === undefined) return warn('it is not loaded: sandboxes run without it', remedy);
  if (mode !== 'enforce') return warn(`it is loaded in ${mode} mode: nothing is denied`, remedy);
  return warn(`what is loaded comes from ${file === 'none' ? 'another file' : 'another version'}`, remedy);
}
