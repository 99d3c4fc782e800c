import { PaddockError } from '../../core/errors.js';
import { type DoctorCheck, type DoctorContext, type Finding, fail, pass } from '../context.js';
import { installCommand } from '../shell.js';

/** An engine answers: which, where, and how it was found. */
export const engineCheck: DoctorCheck = {
  id: 'engine',
  title: 'A container engine answers',
  async run(ctx, signal) {
    const { engine } = ctx;
    if (engine instanceof PaddockError) return await missing(ctx, engine);
    await engine.ping(signal);
    const { kind, version, socketPath, origin, startedByUs } = engine.identity;
    const how = startedByUs ? 'started by Paddock for this process' : `found by ${origin}`;
    return pass(`${kind} ${version} at ${socketPath}, ${how}`);
  },
};

async function missing(ctx: DoctorContext, error: PaddockError): Promise<Finding> {
  const evidence = `${error.code}: ${error.message}`;
  if (error.code !== 'NO_ENGINE') return fail(evidence, error.hint);
  const packages = { apt: 'podman crun uidmap slirp4netns', dnf: 'podman crun shadow-utils slirp4netns' };
  return fail(evidence, `${await installCommand(ctx, packages)}; Paddock starts Podman by itself when it needs it.`);
}
