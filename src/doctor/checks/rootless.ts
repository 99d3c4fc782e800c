import { type DoctorCheck, engineOf, fail, noEngine, pass, warn } from '../context.js';

/** The engine has no more rights than the user. */
export const rootlessCheck: DoctorCheck = {
  id: 'rootless',
  title: 'The engine runs without root',
  async run(ctx, signal) {
    const engine = engineOf(ctx);
    if (engine === undefined) return noEngine;
    const { rootless } = await engine.info(signal);
    const { kind } = engine.identity;
    if (rootless) return pass(`${kind} runs as the user ${ctx.user.name}, in a user namespace`);
    const remedy =
      kind === 'podman'
        ? 'As the user who works, not as root: `systemctl --user enable --now podman.socket`, then `unset CONTAINER_HOST DOCKER_HOST`.'
        : 'As the user who works, not as root: `dockerd-rootless-setuptool.sh install`, then `export DOCKER_HOST=unix://$XDG_RUNTIME_DIR/docker.sock`.';
    const evidence = `${kind} runs as root: whoever reaches its socket is root on this host`;
    return ctx.sitePolicy.rootfulAllowed
      ? warn(`${evidence} (allowed by the site policy)`, remedy)
      : fail(evidence, remedy);
  },
};
