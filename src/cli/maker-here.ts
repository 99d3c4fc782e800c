import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import type { Config } from '../config/load.js';
import { sandboxProfile } from '../confine/apparmor.js';
import { AppArmorRecords } from '../confine/apparmor-record.js';
import type { Engine } from '../engine/types.js';
import { scanGate } from '../image/scan/scan-gate.js';
import { ScanStore } from '../image/scan/scan-store.js';
import { systemClock } from '../kit/clock.js';
import { CgroupKeeper } from '../sandbox/cgroups/cgroup-keeper.js';
import { mappableIds } from '../sandbox/host-facts.js';
import { ImageStore } from '../sandbox/images.js';
import { stageInit } from '../sandbox/init-binary.js';
import type { SandboxMaker } from '../sandbox/maker.js';
import { PipeMaker } from '../sandbox/pipe-maker.js';
import { stageSeccomp } from '../sandbox/seccomp-files.js';
import type { ApprovalContext } from '../workspace/approve.js';
import { hostFolderBinds, hostImageBinds } from '../workspace/host-binds.js';
import { buildHostImage } from '../workspace/host-image.js';
import { readHostLayout } from '../workspace/host-layout.js';
import { builtInit } from './built-init.js';
import { shippedAppArmor } from './lsm-profiles.js';
import { callerUid } from './settings.js';
import { viewHere } from './view-here.js';

interface MakerParts {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What host paths are judged by, with this engine's socket fenced off. */
  readonly judgedBy: (engine: Engine) => ApprovalContext;
}

/** What makes sandboxes on this host; what it needs of our own is put into the state folder while the engine is opened. */
export async function makerHere(
  opening: Promise<Engine>,
  { config, env, judgedBy }: MakerParts,
): Promise<SandboxMaker> {
  const uid = callerUid();
  const [engine, init, seccomp, ids] = await Promise.all([
    opening,
    stageInit(builtInit, config.stateDir),
    stageSeccomp(config.stateDir),
    mappableIds(userInfo().username, uid),
  ]);
  const approval = judgedBy(engine);
  const { imageRules: rules, initReportAccepted: isReportAccepted } = config.sitePolicy;
  const images = new ImageStore({
    engine,
    gate: scanGate({ store: new ScanStore(config.stateDir), rules, clock: systemClock }),
    hostImage: once(hostImageParts),
    extraBinds: (folders) => hostFolderBinds(folders, { ...approval, allowedRoots: config.sitePolicy.hostFolders }),
  });
  const { commandPath, sitePolicy } = config;
  const { lifetimeMs: lifetimeCeilingMs } = sitePolicy.ceilings;
  const pipes = new PipeMaker(init.source);
  const cgroups = new CgroupKeeper(init.source);
  const apparmor = new AppArmorRecords({ shipped: dirname(shippedAppArmor(sandboxProfile).shipped) });
  return {
    ...{ engine, images, clock: systemClock, init, seccomp, apparmor, pipes, cgroups, lifetimeCeilingMs },
    ...{ commandPath, approval, callerUid: uid, mappableIds: ids, isReportAccepted },
    view: viewHere(env, engine, approval),
  };
}

async function hostImageParts() {
  const layout = await readHostLayout();
  const [image, binds] = await Promise.all([buildHostImage(layout), hostImageBinds(layout)]);
  return { image, binds };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
