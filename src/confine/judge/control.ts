import type { ControlEvidence, ControlId, ControlStatus } from '../../core/evidence.js';
import type { Observation } from '../observation.js';
import type { EvidenceRequest } from '../request.js';

/** Judges one control. Pure: the same observation gives the same verdict. */
export type Judge = (seen: Observation, request: EvidenceRequest) => ControlEvidence;

/** Judges a limit, which is all in the cgroup and can change while commands run. */
export type LimitJudge = (seen: LimitObservation, request: LimitRequest) => ControlEvidence;
export type LimitObservation = Pick<Observation, 'cgroup' | 'hasHostSwap'>;
export type LimitRequest = Pick<EvidenceRequest, 'spec' | 'claims' | 'info'>;

/** One thing that is not as asked; `text` goes into the note. */
export interface Problem {
  readonly status: ControlStatus;
  readonly text: string;
}

/** A row of evidence; texts of the engine or the kernel must have been made safe by the caller when they are foreign. */
export function control(
  id: ControlId,
  voices: { readonly asked: string; readonly engine?: string | undefined; readonly kernel?: string | undefined },
  status: ControlStatus,
  note?: string,
): ControlEvidence {
  const row = { id, asked: voices.asked, engine: voices.engine ?? '-', kernel: voices.kernel ?? '-', status };
  return note === undefined ? row : { ...row, note };
}

/** The verdict for what could not be read. */
export function unreadable(id: ControlId, asked: string, engine?: string, what = 'it'): ControlEvidence {
  return control(id, { asked, engine }, 'unknown', `${what} could not be read from the running container`);
}

/** The worst of several statuses; `enforced` when there are none. */
export function worst(statuses: readonly ControlStatus[]): ControlStatus {
  const order: readonly ControlStatus[] = ['absent', 'unknown', 'degraded'];
  return order.find((status) => statuses.includes(status)) ?? 'enforced';
}
