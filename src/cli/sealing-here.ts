import { join } from 'node:path';
import type { AuditRecorder } from '../audit/audit-log.js';
import type { Config } from '../config/load.js';
import { stageInit } from '../sandbox/init-binary.js';
import type { Sealing } from '../session/sealing.js';
import { readKeys } from '../workspace/sealed/key-source.js';
import type { Openings } from '../workspace/sealed/openings.js';
import { Seals, type Unpacked } from '../workspace/sealed/seals.js';
import { callerUid } from './settings.js';

interface SealingParts {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The paddock-init that comes with this Paddock. */
  readonly builtInit: string;
  readonly audit: () => Promise<AuditRecorder>;
  readonly openings: Openings<Unpacked>;
}

/** What encrypts and opens what is kept of this user's sessions; whatever is set, since it may have been set otherwise before. */
export function sealingHere(
  { encryption, stateDir }: Pick<Config, 'encryption' | 'stateDir'>,
  { env, builtInit, audit, openings }: SealingParts,
): Sealing {
  const seals = new Seals({
    isOn: encryption.kept,
    keys: () => readKeys(encryption, { env, uid: callerUid() }),
    openedFolder: join(stateDir, 'opened'),
    openings,
    program: async () => (await stageInit(builtInit, stateDir)).source,
  });
  return { seals, audit };
}
