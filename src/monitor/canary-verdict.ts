/** What the canary of a doctor's report says of the host; `unknown`: there was none, or it could not be tried. */
export type CanaryVerdict = 'ok' | 'failed' | 'unknown';
export const canaryVerdicts = ['ok', 'failed', 'unknown'] as const satisfies readonly CanaryVerdict[];

/** By the check `canary` and its parts, of which each that fails is one that is needed. */
export function canaryVerdict(checks: readonly { readonly id: string; readonly status: string }[]): CanaryVerdict {
  const canary = checks.filter(({ id }) => id === 'canary' || id.startsWith('canary.'));
  if (canary.some(({ status }) => status === 'fail')) return 'failed';
  const whole = canary.find(({ id }) => id === 'canary');
  return whole === undefined || whole.status === 'unknown' ? 'unknown' : 'ok';
}
