import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, homedir, tmpdir, totalmem, userInfo } from 'node:os';
import { join } from 'node:path';
import { type AuditLog, openAudit } from '../../../src/audit/audit-log.js';
import { builtInPolicy } from '../../../src/config/built-in-policy.js';
import type { SitePolicy } from '../../../src/core/site-policy.js';
import type { Engine } from '../../../src/engine/types.js';
import { systemClock } from '../../../src/kit/clock.js';
import { type ProcessIdentity, readProcessIdentity } from '../../../src/kit/process-identity.js';
import type { SandboxMaker } from '../../../src/sandbox/create.js';
import { mappableIds } from '../../../src/sandbox/host-facts.js';
import { ImageStore } from '../../../src/sandbox/images.js';
import { stageInit } from '../../../src/sandbox/init-binary.js';
import { Sessions } from '../../../src/session/sessions.js';
import { RecordStore } from '../../../src/session/store.js';
import { hostImageBinds } from '../../../src/workspace/host-binds.js';
import { buildHostImage } from '../../../src/workspace/host-image.js';
import { readHostLayout } from '../../../src/workspace/host-layout.js';

/** The built process 1; `npm run build` makes it. */
export const builtInit = join(import.meta.dirname, '../../../dist/init/paddock-init');

/** Sessions of a real engine with state and audit log in a folder of this run alone. */
export interface PaddockHost extends AsyncDisposable {
  readonly stateDir: string;
  readonly sitePolicy: SitePolicy;
  readonly maker: SandboxMaker;
  readonly store: RecordStore;
  readonly audit: AuditLog;
  readonly self: ProcessIdentity;
  sessions(kind?: 'attached' | 'detached', owner?: ProcessIdentity): Sessions;
}

/** The engine stays the caller's. Disposing removes the folder. */
export async function openPaddockHost(engine: Engine, changes: Partial<SitePolicy> = {}): Promise<PaddockHost> {
  const stateDir = await mkdtemp(join(tmpdir(), 'paddock-host-'));
  const uid = process.getuid?.() ?? 0;
  const sitePolicy = { ...builtInPolicy(homedir()), ...changes };
  const store = new RecordStore(stateDir);
  const audit = await openAudit({
    ...{ path: join(stateDir, 'audit.jsonl'), createParent: false, version: '0.1.0', clock: systemClock },
    caller: { uid, user: userInfo().username },
  });
  const parts = (async () => {
    const layout = await readHostLayout();
    const [image, binds] = await Promise.all([buildHostImage(layout), hostImageBinds(layout)]);
    return { image, binds };
  })();
  const maker: SandboxMaker = {
    engine,
    images: new ImageStore({ engine, hostImage: () => parts, extraBinds: () => Promise.resolve([]) }),
    clock: systemClock,
    init: await stageInit(builtInit, stateDir),
    approval: { allowedRoots: sitePolicy.allowedRoots, homeDir: homedir(), uid, privateFolders: [stateDir] },
    callerUid: uid,
    mappableIds: await mappableIds(userInfo().username, uid),
  };
  const self = await readProcessIdentity();
  if (self === undefined) throw new Error('this process is not in /proc');
  const policy = {
    sitePolicy,
    host: { homeDir: homedir(), hostMemoryBytes: totalmem(), cpuCount: availableParallelism() },
  };
  return {
    ...{ stateDir, sitePolicy, maker, store, audit, self },
    sessions: (kind = 'attached', owner = self) =>
      new Sessions({ maker, store, audit, policy, owner, kind, version: '0.1.0' }),
    [Symbol.asyncDispose]: async () => {
      await audit[Symbol.asyncDispose]();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}
