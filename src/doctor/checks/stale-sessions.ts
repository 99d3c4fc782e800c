import { join } from 'node:path';
import { isInside } from '../../kit/path-containment.js';
import type { PruneReport } from '../../session/prune-report.js';
import { type DoctorCheck, type Finding, pass, warn } from '../context.js';

/** What crashed processes left behind. */
export const staleSessionsCheck: DoctorCheck = {
  id: 'stale-sessions',
  title: 'Nothing is left over',
  async run(ctx, signal) {
    const report = await ctx.stale(signal);
    return [leftOver(report), leftInClear(report, join(ctx.paths.stateDir, 'opened'))];
  },
};

function leftOver(report: PruneReport): Finding {
  const unreachable = report.kept.filter((k) => k.why === 'engine-unreachable').length;
  const counts = [
    [report.removed.length, 'sessions expired or without their owner'],
    [report.pending.length, 'sessions cut off while being created'],
    [report.files.length, 'left-over files'],
    [report.unreadable.length, 'unreadable records'],
    [unreachable, 'sessions on an engine that is not reachable'],
    [report.foreign.length, 'containers with our labels that are not ours'],
  ] as const;
  const evidence = counts.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what}`);
  if (evidence.length === 0) return pass('no session, record or file is left over');
  const removable = report.removed.length + report.pending.length + report.files.length;
  return warn(evidence.join(', '), removable > 0 ? 'paddock prune' : 'paddock prune --dry-run');
}

/** Of what was opened to be looked at, by a process that was killed: whoever relies on encryption wants to know. */
function leftInClear({ files }: PruneReport, opened: string): Finding {
  const common = { part: 'in-clear', title: 'Nothing that is kept encrypted is left in clear' };
  const count = files.filter((path) => isInside(path, opened)).length;
  if (count === 0) return { ...pass(`no process that is gone has left anything in ${opened}`), ...common };
  return { ...warn(`${count} opened by processes that are gone, in ${opened}`, 'paddock prune'), ...common };
}
