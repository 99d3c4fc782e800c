import { PolicyDenied } from '../../core/errors.js';
import type { ExecRequest } from '../../core/exec.js';
import { sessionAsCulprit } from '../../monitor/alarms/burst.js';
import { admitExec } from '../../policy/exec.js';
import type { ControlOptions, VisitTracing } from './control-options.js';

/** Runs what a visitor asks for, with what policy refuses on record, within the trace, before the visitor hears of it. Errors: as `run`. */
export function traced<T>(
  options: ControlOptions,
  operation: Parameters<VisitTracing>[0],
  run: () => Promise<T>,
): Promise<T> {
  const { trace } = options;
  const recorded = () =>
    run().catch(async (thrown: unknown) => {
      if (thrown instanceof PolicyDenied) await recordDenial(options, thrown);
      throw thrown;
    });
  return trace === undefined ? recorded() : trace(operation, recorded);
}

async function recordDenial({ audit, denials, session }: ControlOptions, denied: PolicyDenied): Promise<void> {
  const { code: result, ruleId: rule } = denied;
  denials?.add('call', rule, sessionAsCulprit(session.id));
  await audit.event('policy.deny', { session: session.id, verdict: 'deny', result, rule });
}

/** A visitor's command as it may run. Errors: POLICY_DENIED. */
export function admitted({ session, sitePolicy }: ControlOptions, request: unknown): ExecRequest {
  const allowed = admitExec(request, session.sandbox.handle.spec, sitePolicy);
  // What is kept travels in one frame, as JSON, which writes a byte in up to six; the visitor has had all of it as it came.
  const outputCapBytes = Math.min(allowed.outputCapBytes, 256 * 1024);
  return { ...allowed, outputCapBytes };
}
