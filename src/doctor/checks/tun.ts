import { type DoctorCheck, pass } from '../context.js';

/** For information: sandboxes have no network device, so nothing of Paddock needs it. */
export const tunCheck: DoctorCheck = {
  id: 'tun',
  title: 'Network device for other containers (/dev/net/tun)',
  async run(ctx) {
    if (ctx.isContained) return pass('not looked at from within a container; sandboxes do not need it');
    const isThere = (await ctx.files.facts('/dev/net/tun')) !== undefined;
    return pass(
      isThere
        ? 'present; sandboxes do not need it'
        : 'missing; sandboxes do not need it, containers with a network would',
    );
  },
};
