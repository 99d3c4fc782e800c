import { fileURLToPath } from 'node:url';
import { apparmorNames } from '../confine/apparmor.js';
import { AppArmorInstall, type AppArmorState } from '../confine/apparmor-install.js';
import { SelinuxInstall, type SelinuxState } from '../confine/selinux-install.js';

/** As they came with Paddock, beside the build as beside the source. */
export function shippedAppArmor(profile: string): { readonly profile: string; readonly shipped: string } {
  return { profile, shipped: fileURLToPath(new URL(`../../profiles/apparmor/${profile}`, import.meta.url)) };
}
export const shippedSelinux = fileURLToPath(new URL('../../profiles/selinux/paddock.cil', import.meta.url));

/** A profile that an administrator installs once, as the command line speaks of it. */
export interface LsmProfile {
  readonly name: keyof typeof apparmorNames | 'selinux';
  /** Where it is when it is installed, if that is a file. */
  readonly installed?: string;
  text(): Promise<string>;
  state(): Promise<LsmProfileState>;
  /** What was done, in a sentence. */
  install(): Promise<string>;
  uninstall(): Promise<string>;
  /** The commands of root, for where root finds no paddock. */
  byHand(action: 'install' | 'uninstall'): string;
}

/** For machines, for people, and whether every sandbox is put under it as it came with this Paddock. */
export interface LsmProfileState {
  readonly facts: object;
  readonly words: string;
  readonly isGood: boolean;
}

export function lsmProfiles(): readonly LsmProfile[] {
  return [apparmor('apparmor'), apparmor('apparmor-nested'), selinux(new SelinuxInstall({ shipped: shippedSelinux }))];
}

function apparmor(name: keyof typeof apparmorNames): LsmProfile {
  const profile = new AppArmorInstall(shippedAppArmor(apparmorNames[name]));
  const { installed } = profile;
  return {
    name,
    installed,
    text: () => profile.text(),
    async state() {
      const facts = await profile.state();
      const { isOn, mode, file, loaded } = facts;
      const isGood = isOn && mode === 'enforce' && file === 'current' && loaded.is === 'shipped';
      return { facts, words: apparmorWords(facts), isGood };
    },
    async install() {
      await profile.install();
      return `${installed} is there and loaded; sandboxes that start now are under it.`;
    },
    async uninstall() {
      return (await profile.uninstall()) ? `${installed} is gone and not loaded any more.` : 'It was not there.';
    },
    byHand: (action) =>
      action === 'install'
        ? `paddock profiles show ${name} | sudo tee ${installed} >/dev/null && sudo apparmor_parser -r ${installed}`
        : `sudo apparmor_parser -R ${installed} && sudo rm ${installed}`,
  };
}

function apparmorWords({ isOn, file, mode, loaded: { is, hash, why } }: AppArmorState): string {
  if (!isOn) return 'this kernel does not use AppArmor';
  const what = hash === undefined ? is : `${is} ${hash}`;
  const loaded = mode === undefined ? 'not loaded' : `loaded (${mode}, ${what}${why === undefined ? '' : `: ${why}`})`;
  const files = {
    current: 'its file as it came with this Paddock',
    another: 'its file of another version',
    none: 'not installed',
  };
  return `${loaded}, ${files[file]}`;
}

function selinux(module: SelinuxInstall): LsmProfile {
  return {
    name: 'selinux',
    text: () => module.text(),
    async state() {
      const facts = await module.state();
      const isGood = facts.mode === 'enforcing' && facts.loaded === 'current';
      return { facts: { isOn: facts.mode !== undefined, ...facts }, words: selinuxWords(facts), isGood };
    },
    async install() {
      await module.install();
      return 'The module paddock is in the policy, also after a reboot; sandboxes that start now are under it.';
    },
    async uninstall() {
      return (await module.uninstall()) ? 'The module paddock is not in the policy any more.' : 'It was not there.';
    },
    // The module is named after the file.
    byHand: (action) =>
      action === 'install'
        ? 'paddock profiles show selinux >paddock.cil && sudo semodule -i paddock.cil'
        : 'sudo semodule -r paddock',
  };
}

function selinuxWords({ mode, loaded }: SelinuxState): string {
  if (mode === undefined) return 'this kernel does not use SELinux';
  const words = {
    current: `loaded (${mode}), as it came with this Paddock`,
    another: `loaded (${mode}), another version`,
    none: `not loaded (${mode})`,
  };
  return words[loaded];
}
