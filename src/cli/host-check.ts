import { homedir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Checkpoints } from '../audit/anchor/checkpoints.js';
import { openHostKey } from '../audit/anchor/host-key.js';
import { readBytes } from '../audit/line-reader.js';
import { defaultPolicyPath } from '../config/load.js';
import { apparmorNames } from '../confine/apparmor.js';
import { AppArmorInstall } from '../confine/apparmor-install.js';
import { SelinuxInstall } from '../confine/selinux-install.js';
import { toPaddockError } from '../core/errors.js';
import { runCanary } from '../doctor/canary.js';
import { type Checklist, runChecklist } from '../doctor/checklist/checklist.js';
import type { DoctorContext } from '../doctor/context.js';
import { runCanaryCheck, runDoctor } from '../doctor/doctor.js';
import { hostFiles } from '../doctor/host-files.js';
import { HostLoadReader } from '../doctor/host-load.js';
import type { CheckReport } from '../doctor/report.js';
import { word } from '../doctor/shell.js';
import { installedScanners } from '../image/scan/find-scanner.js';
import { ScanStore } from '../image/scan/scan-store.js';
import { systemClock } from '../kit/clock.js';
import { newSessionId } from '../kit/random-id.js';
import { emptyFolderBeside, stageInit } from '../sandbox/init-binary.js';
import type { Sessions } from '../session/sessions.js';
import { tryOverlay } from '../workspace/try-overlay.js';
import type { App } from './app.js';
import { builtInit } from './built-init.js';
import { canaryImage } from './canary-image.js';
import { isContained } from './contained.js';
import { shippedAppArmor, shippedSelinux } from './lsm-profiles.js';
import { auditKeyPath } from './open-audit-log.js';
import { pruneHere } from './prune-here.js';

/** Runs the doctor on what this process uses; `sessions` makes the canary, so that it counts like any other. */
export async function checkHost(
  app: App,
  sessions: () => Promise<Sessions>,
  signal: AbortSignal,
): Promise<CheckReport> {
  return runDoctor(await doctorContext(app, sessions), signal);
}

/** The canary alone. */
export async function canaryHere(
  app: App,
  sessions: () => Promise<Sessions>,
  signal: AbortSignal,
): Promise<CheckReport> {
  return runCanaryCheck(await doctorContext(app, sessions), signal);
}

/** The checklist of a host that others rely on; the rest as above. */
export async function checklistHere(
  app: App,
  sessions: () => Promise<Sessions>,
  signal: AbortSignal,
): Promise<Checklist> {
  return runChecklist(await doctorContext(app, sessions), signal);
}

/** Over an empty folder of ours, with what is written in the state folder. */
async function overlayHere({ config }: App, signal: AbortSignal): ReturnType<DoctorContext['overlay']> {
  const init = await stageInit(builtInit, config.stateDir);
  const scratch = join(dirname(init.source), 'try');
  const answer = await tryOverlay(emptyFolderBeside(init), { program: init.source, scratch, signal });
  return { ...answer, way: config.copyOnWrite };
}

async function apparmorState(name: keyof typeof apparmorNames): ReturnType<DoctorContext['apparmor']> {
  const apparmor = new AppArmorInstall(shippedAppArmor(apparmorNames[name]));
  // By full paths: root's own may have neither Node nor Paddock.
  const ours = fileURLToPath(new URL('./main.js', import.meta.url));
  const installCommand = `sudo ${word(process.execPath)} ${word(ours)} profiles install ${name}`;
  return { ...(await apparmor.state()), installed: apparmor.installed, installCommand };
}

function pathsHere(app: App, isInContainer: boolean): DoctorContext['paths'] {
  const { config } = app;
  return {
    home: homedir(),
    stateDir: config.stateDir,
    // Of the user's own nothing is in a container but the way to the socket.
    runtimeDir: isInContainer ? config.runtimeDir : app.userRuntimeDir,
    auditLog: config.auditLogPath,
    init: builtInit,
    settings: [`${app.env['XDG_CONFIG_HOME'] ?? `${homedir()}/.config`}/paddock/config.toml`, defaultPolicyPath],
    installation: fileURLToPath(new URL('../..', import.meta.url)),
  };
}

function anchorHere({ config }: App): Pick<DoctorContext, 'anchor'> {
  const path = config.audit.anchorPath;
  if (path === undefined) return {};
  const read = async () =>
    await Checkpoints.read(
      [{ name: path, bytes: readBytes(path) }],
      (await openHostKey(auditKeyPath(config))).publicKey,
    );
  return { anchor: { path, read } };
}

async function doctorContext(app: App, sessions: () => Promise<Sessions>): Promise<DoctorContext> {
  const engine = await app.engine().catch((thrown: unknown) => toPaddockError(thrown));
  const { username, uid, gid } = userInfo();
  const { config } = app;
  const isInContainer = isContained({ env: app.env });
  const load = new HostLoadReader(systemClock);
  return {
    engine,
    sitePolicy: config.sitePolicy,
    user: { name: username, uid, gid },
    paths: pathsHere(app, isInContainer),
    commands: {
      path: config.commandPath,
      folder: app.store.channelsFolder,
      socketPath: app.store.controlPath(newSessionId()),
    },
    files: hostFiles,
    overlay: (signal) => overlayHere(app, signal),
    clock: systemClock,
    ...anchorHere(app),
    stale: (signal) => pruneHere(app, { isDryRun: true, pendingWaitMs: 0, signal }),
    isContained: isInContainer,
    canary: async (signal) =>
      runCanary(
        await sessions(),
        signal,
        isInContainer ? await canaryImage(await app.engine(), config.sitePolicy, signal) : undefined,
      ),
    load: () => load.read(),
    apparmor: () => apparmorState('apparmor'),
    nestedAppArmor: () => apparmorState('apparmor-nested'),
    scanners: async () => (await installedScanners(app.env)).map(({ scanner }) => scanner.name),
    lastScans: () => new ScanStore(config.stateDir).all(),
    selinux: () => new SelinuxInstall({ shipped: shippedSelinux }).state(),
  };
}
