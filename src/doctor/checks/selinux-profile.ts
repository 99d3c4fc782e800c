import { join } from 'node:path';
import { type DoctorCheck, hostsOwn, pass, warn } from '../context.js';
import { word } from '../shell.js';

/** The engine starts every sandbox under its type, which allows less than what engines give to containers by themselves. */
export const selinuxProfileCheck: DoctorCheck = {
  id: 'selinux-profile',
  title: 'The SELinux module of sandboxes is loaded',
  async run(ctx) {
    if (ctx.isContained) return hostsOwn("the policy of the host's SELinux");
    const { mode, loaded } = await ctx.selinux();
    if (mode === undefined) return pass('SELinux is not in use here');
    const remedy = `sudo semodule -i ${word(join(ctx.paths.installation, 'profiles/selinux/paddock.cil'))}`;
    if (loaded === 'none') return warn("it is not loaded: sandboxes have the engine's own type", remedy);
    if (loaded === 'another') return warn('what is loaded comes from another version', remedy);
    if (mode !== 'enforcing')
      return warn('it is loaded, and SELinux is permissive: nothing is denied', 'sudo setenforce 1');
    return pass('it is loaded and enforced');
  },
};
