import { SandboxError } from '../core/errors.js';
import { type ControlEvidence, type ControlId, type Evidence, unmet } from '../core/evidence.js';
import { standardProfile } from '../core/profile.js';
import type { SandboxSpec } from '../core/spec.js';

/** Without these there is no sandbox. Errors: SANDBOX_UNVERIFIED. */
export function refuseBroken(evidence: Evidence, floor: readonly ControlId[]): void {
  const broken = unmet(evidence, floor);
  if (broken.length === 0) return;
  throw new SandboxError('SANDBOX_UNVERIFIED', `the running container is not what was asked for: ${say(broken)}`, {
    info: { controls: broken.map((c) => c.id) },
  });
}

/** These the site's policy requires, or the profile that was asked for. Errors: CONTROL_NOT_ENFORCED. */
export function refuseUnmet(
  evidence: Evidence,
  { require, profile = standardProfile.name }: Pick<SandboxSpec, 'require' | 'profile'>,
): void {
  const missing = unmet(evidence, require);
  if (missing.length === 0) return;
  const by = profile === standardProfile.name ? 'policy' : `policy or the profile ${profile}`;
  throw new SandboxError('CONTROL_NOT_ENFORCED', `required by ${by}, and not so: ${say(missing)}`, {
    info: { ruleId: 'policy.require', controls: missing.map((c) => c.id) },
  });
}

function say(controls: readonly ControlEvidence[]): string {
  return controls
    .map((c) => `${c.id} is ${c.status} (${c.kernel})${c.note === undefined ? '' : `: ${c.note}`}`)
    .join('; ');
}
