import type { ControlId } from '../../core/evidence.js';
import { normalCpuShares } from '../../core/limits.js';
import type { SandboxSpec } from '../../core/spec.js';
import { control, type LimitJudge } from './control.js';
import { claimText, judgeOwn } from './limits.js';

const id = 'cpu-weight';

/** A weight holds nothing back where nobody else wants the processor: it is a control only where somebody asked for one. */
export function isReported(one: ControlId, { limits, require }: Pick<SandboxSpec, 'limits' | 'require'>): boolean {
  return one !== id || limits.cpuShares !== normalCpuShares || require.includes(id);
}

export const judgeCpuWeight: LimitJudge = (seen, { spec, claims, info }) => {
  const { cpuShares } = spec.limits;
  const engine = claimText(claims.cpuShares, inShares, info?.cpuLimit);
  const voices = { asked: inShares(cpuShares), engine };
  return judgeOwn(
    seen,
    id,
    voices,
    (facts) => facts.cpuWeight,
    (weight) => {
      const kernel = `weight ${weight}`;
      const weights = weightsOf(cpuShares);
      if (weights.includes(weight)) return control(id, { ...voices, kernel }, 'enforced');
      const note = `The kernel has another weight than runtimes make of it (${weights.join(' or ')}).`;
      return control(id, { ...voices, kernel }, 'degraded', note);
    },
  );
};

const inShares = (shares: number) => `${shares} shares`;

/**
 * What runtimes write into `cpu.weight` (1 – 10,000) for Docker's shares (2 – 262,144): on a straight line, or, newer ones, on a curve that
 * makes 1024 the kernel's normal 100.
 */
function weightsOf(shares: number): readonly number[] {
  const line = 1 + Math.floor(((shares - 2) * 9999) / 262_142);
  const log = Math.log2(shares);
  const curve = Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
  return [line, Math.min(Math.max(curve, 1), 10_000)];
}
