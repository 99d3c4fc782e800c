import { type DoctorCheck, pass, unknown, warn } from '../context.js';
import { word } from '../shell.js';

/** By which means projects are shown that a session writes beside: an overlay takes no time and no room, a copy takes both. */
export const copyOnWriteCheck: DoctorCheck = {
  id: 'copy-on-write',
  title: 'Projects can be shown copy-on-write by an overlay',
  async run(ctx, signal) {
    const { stateDir } = ctx.paths;
    const { way, can, why } = await ctx.overlay(signal);
    if (way === 'copy') return pass('cow = "copy": projects are copied, whatever the kernel can do');
    if (can === 'yes') return pass(`the kernel puts overlays over folders, with what is written in ${stateDir}`);
    const move = `mkdir -m 700 FOLDER on a local file system, such as ext4, XFS or Btrfs, and set state_dir = "FOLDER"; \`df -T ${word(stateDir)}\` says what it is now.`;
    if (can === 'unknown') {
      return unknown(
        `whether the kernel does could not be asked (${why}): what may not try it here may be open to the engine`,
        `\`paddock run --project DIR -- true\` tells; if that fails: PADDOCK_COW=copy.`,
      );
    }
    const instead = way === 'auto' ? 'projects are copied for each session' : 'workspace cow is refused';
    return warn(`no overlay with what is written in ${stateDir}: ${why}; ${instead}`, move);
  },
};
