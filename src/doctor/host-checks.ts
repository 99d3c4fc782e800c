import { apparmorProfileCheck } from './checks/apparmor-profile.js';
import { auditLogCheck } from './checks/audit-log.js';
import { cgroupsCheck } from './checks/cgroups.js';
import { channelCheck } from './checks/channel.js';
import { copyOnWriteCheck } from './checks/copy-on-write.js';
import { engineCheck } from './checks/engine.js';
import { initCheck } from './checks/init.js';
import { kernelSettingsCheck } from './checks/kernel-settings.js';
import { kernelVersionCheck } from './checks/kernel-version.js';
import { loadCheck } from './checks/load.js';
import { lsmCheck } from './checks/lsm.js';
import { rootlessCheck } from './checks/rootless.js';
import { runtimeFolderCheck } from './checks/runtime-folder.js';
import { seccompCheck } from './checks/seccomp.js';
import { selinuxProfileCheck } from './checks/selinux-profile.js';
import { settingsFilesCheck } from './checks/settings-files.js';
import { signaturePolicyCheck } from './checks/signature-policy.js';
import { socketCheck } from './checks/socket.js';
import { staleSessionsCheck } from './checks/stale-sessions.js';
import { stateFolderCheck } from './checks/state-folder.js';
import { subidsCheck } from './checks/subids.js';
import { swapCheck } from './checks/swap.js';
import { timeCheck } from './checks/time.js';
import { tunCheck } from './checks/tun.js';
import { versionsCheck } from './checks/versions.js';
import type { DoctorCheck } from './context.js';

/** The checks that only look, in the order of the report. */
export const hostChecks: readonly DoctorCheck[] = [
  ...[engineCheck, rootlessCheck, versionsCheck, socketCheck, signaturePolicyCheck],
  ...[cgroupsCheck, subidsCheck, seccompCheck, lsmCheck, apparmorProfileCheck, selinuxProfileCheck, tunCheck],
  ...[kernelVersionCheck, kernelSettingsCheck, swapCheck, timeCheck],
  ...[
    stateFolderCheck,
    runtimeFolderCheck,
    auditLogCheck,
    initCheck,
    channelCheck,
    copyOnWriteCheck,
    settingsFilesCheck,
  ],
  ...[staleSessionsCheck, loadCheck],
];
