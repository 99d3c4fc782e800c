import { listLogFiles } from '../../audit/log-files.js';
import { type DoctorCheck, fail, pass, unknown } from '../context.js';

/** File systems stamp by a clock that is behind by a tick at most: 10 ms at 100 Hz. */
const clockTickMs = 10;

/** That a log could be written is no evidence that it is. The canary is a session as any other and leaves a record, so this is asked once that has ended. */
export function auditWrittenCheck(sinceMs: number, canaryRan: boolean): DoctorCheck {
  return {
    id: 'audit-written',
    title: 'What is done is recorded',
    async run(ctx) {
      const { auditLog } = ctx.paths;
      const newest = listLogFiles(auditLog).at(-1)?.path ?? auditLog;
      const facts = await ctx.files.linkFacts(newest);
      if (facts !== undefined && facts.sizeBytes > 0 && facts.modifiedAtMs >= sinceMs - clockTickMs)
        return pass(`${newest} was written while this looked`);
      const evidence = `nothing was written to ${newest} while this looked`;
      const look = 'paddock run -- true; paddock audit tail';
      if (canaryRan) return fail(`${evidence}, and a sandbox was started`, look);
      return unknown(`${evidence}: no sandbox was started`, `Follow the remedy of \`canary\`, or: ${look}`);
    },
  };
}
