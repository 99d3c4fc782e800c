import { join } from 'node:path';
import { type DoctorCheck, pass, warn } from '../context.js';
import { word } from '../shell.js';

/** Process 1 puts itself and so every command under it, also on rootless Podman, which applies no profile. */
export const apparmorProfileCheck: DoctorCheck = {
  id: 'apparmor-profile',
  title: 'The AppArmor profile of sandboxes is loaded',
  async run(ctx) {
    const { isOn, file, mode, installed } = await ctx.apparmor();
    if (!isOn) return pass('AppArmor is not in use here');
    if (mode === 'enforce' && file === 'current') return pass(`${installed} is loaded and enforced`);
    const shipped = join(ctx.paths.installation, 'profiles/apparmor/paddock-sandbox');
    const remedy = `sudo cp ${word(shipped)} ${installed} && sudo apparmor_parser -r ${installed}`;
    if (mode === undefined) return warn('it is not loaded: sandboxes run without it', remedy);
    if (mode !== 'enforce') return warn(`it is loaded in ${mode} mode: nothing is denied`, remedy);
    return warn(`what is loaded comes from ${file === 'none' ? 'another file' : 'another version'}`, remedy);
  },
};
