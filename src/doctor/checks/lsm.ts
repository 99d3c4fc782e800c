import { type DoctorCheck, hostsOwn, pass, warn } from '../context.js';
import { packageTool } from '../shell.js';

/** A second fence that holds when the first is wrong: AppArmor or SELinux. */
export const lsmCheck: DoctorCheck = {
  id: 'lsm',
  title: 'A security module is active (SELinux or AppArmor)',
  async run(ctx) {
    const [listed, selinux, apparmor] = await Promise.all([
      ctx.files.readText('/sys/kernel/security/lsm'),
      ctx.files.readText('/sys/fs/selinux/enforce'),
      ctx.files.readText('/sys/module/apparmor/parameters/enabled'),
    ]);
    const all = listed === undefined ? 'the list of modules is not readable' : `modules: ${listed.trim()}`;
    if (selinux?.trim() === '1') return pass(`SELinux enforces; ${all}`);
    if (apparmor?.trim() === 'Y') return pass(`AppArmor is on; ${all}`);
    if (selinux !== undefined) {
      const persist = "sudo sed -i 's/^SELINUX=.*/SELINUX=enforcing/' /etc/selinux/config";
      return warn(`SELinux is permissive; ${all}`, `sudo setenforce 1 && ${persist}`);
    }
    if (ctx.isContained) return hostsOwn("whether the host's SELinux enforces");
    const remedy =
      (await packageTool(ctx)) === 'dnf'
        ? "sudo sed -i 's/^SELINUX=.*/SELINUX=enforcing/' /etc/selinux/config && sudo touch /.autorelabel; then reboot."
        : 'sudo apt-get install apparmor; add `apparmor=1 security=apparmor` to GRUB_CMDLINE_LINUX in /etc/default/grub, `sudo update-grub`, reboot.';
    return warn(`neither SELinux nor AppArmor is active; ${all}`, remedy);
  },
};
