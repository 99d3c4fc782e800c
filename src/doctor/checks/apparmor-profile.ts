import { type DoctorCheck, type DoctorContext, type Finding, fail, hostsOwn, pass, unknown, warn } from '../context.js';

/** Process 1 puts itself and so every command under it, also on rootless Podman, which applies no profile. */
export const apparmorProfileCheck: DoctorCheck = {
  id: 'apparmor-profile',
  title: 'The AppArmor profile of sandboxes is loaded, as it came with this Paddock',
  async run(ctx) {
    const state = await ctx.apparmor();
    if (ctx.isContained && state.isOn) return hostsOwn("which profiles the host's kernel has");
    const first = judged(state, ctx);
    // Where nobody may ask for such sessions nothing is missing.
    if (!ctx.sitePolicy.seccomp.includes('nested')) return first;
    const title = 'The AppArmor profile of sessions with `seccomp = nested` is loaded, as it came with this Paddock';
    return [first, { ...judged(await ctx.nestedAppArmor(), ctx), part: 'nested', title }];
  },
};

type Profile = Awaited<ReturnType<DoctorContext['apparmor']>>;

function judged({ isOn, file, mode, loaded, installed, installCommand: remedy }: Profile, ctx: DoctorContext): Finding {
  if (!isOn) return pass('AppArmor is not in use here');
  const bad = grade(ctx);
  if (mode === undefined) return bad('it is not loaded: sandboxes run without it', remedy);
  if (mode !== 'enforce') return bad(`it is loaded in ${mode} mode: nothing is denied`, remedy);
  if (loaded.is === 'outdated' || loaded.is === 'changed') return bad(`it is ${loaded.is}: ${loaded.why}`, remedy);
  if (file !== 'current') {
    const other = file === 'none' ? 'another file' : 'another version';
    return warn(`what is loaded at the next boot comes from ${other} than that of this Paddock`, remedy);
  }
  if (loaded.is === 'shipped') return pass(`${installed} is loaded and enforced, as shipped (${loaded.hash})`);
  const hashes = loaded.hash === undefined ? 'echo Y | sudo tee /sys/module/apparmor/parameters/hash_policy && ' : '';
  return unknown(`it is enforced, but whether as shipped can not be told: ${loaded.why}`, `${hashes}${remedy}`);
}

/** Where policy requires it, no session can be made. */
function grade({ sitePolicy }: DoctorContext): (evidence: string, remedy: string) => Finding {
  const isRequired = sitePolicy.require.includes('apparmor') || sitePolicy.require.includes('host-lsm');
  if (!isRequired) return warn;
  return (evidence, remedy) => fail(`${evidence}; the site policy requires it, so no session can be created`, remedy);
}
