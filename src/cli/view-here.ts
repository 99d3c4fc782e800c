import type { Engine } from '../engine/types.js';
import { EngineView } from '../sandbox/engine-view.js';
import type { ApprovalContext } from '../workspace/approve.js';
import { isContained } from './contained.js';

/** What the engine sees of our paths where we run in a container; `note`: gets what the holder of a key is not told, on stderr unless it is given. */
export function viewHere(
  env: Readonly<Record<string, string | undefined>>,
  engine: Pick<Engine, 'inspectContainer'>,
  { hidesOutside, allowedRoots: roots }: Pick<ApprovalContext, 'hidesOutside' | 'allowedRoots'>,
  note = (line: string): void => void process.stderr.write(`paddock: ${line}\n`),
): EngineView | undefined {
  if (!isContained({ env })) return undefined;
  return new EngineView(engine, hidesOutside === true ? { roots, note } : undefined);
}
