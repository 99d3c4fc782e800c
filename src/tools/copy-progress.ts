import { formatBytes } from '../core/units.js';
import type { Clock } from '../kit/clock.js';
import { everySoOften } from '../kit/every-so-often.js';
import type { ToolContext } from './define-tool.js';

const everyMs = 2000;

/** Reports how far it is that a project, or what a session has changed, is copied. */
export function copyProgress(
  clock: Clock,
  { progress }: ToolContext,
): (soFar: { readonly entries: number; readonly bytes: number }) => void {
  return everySoOften(clock, everyMs, ({ entries, bytes }) =>
    progress(`copying: ${entries} entries, ${formatBytes(bytes)}`),
  );
}
