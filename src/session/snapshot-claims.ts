import { basename, dirname, join } from 'node:path';
import { isSnapshotId } from '../core/ids.js';
import { claimedName, isThere } from './changes/own-layer.js';
import { type ChannelSweep, sweepNotes } from './left-over-channels.js';
import { sweepQueues } from './queues.js';

/**
 * Removes what says who has which snapshot, where that has gone, who takes one, where nobody does, and what of both is half written. Returns the paths.
 * `folder`: of all snapshots. Errors: STATE_UNWRITABLE.
 */
export async function sweepSnapshotClaims(folder: string, sweep: ChannelSweep): Promise<readonly string[]> {
  const isStray = async (name: string) => {
    const claimed = claimedName(name);
    return claimed !== undefined && isSnapshotId(claimed) && !(await isThere(join(folder, claimed)));
  };
  const all = basename(folder);
  // That of who has no key stays, a few notes: there is one.
  const isQueue = (name: string) => name.startsWith(`${all}-`);
  return [
    ...(await sweepNotes(folder, sweep, isStray)),
    ...(await sweepNotes(dirname(folder), sweep)),
    ...(await sweepQueues(dirname(folder), isQueue, sweep)),
  ];
}
