import { homedir } from 'node:os';
import { listLogFiles } from '../audit/log-files.js';
import type { Config } from '../config/load.js';
import type { Engine } from '../engine/types.js';
import type { ApprovalContext } from '../workspace/approve.js';
import { callerUid } from './settings.js';

interface ApprovalParts {
  /** Folders that the holder of a key has; none: who asks holds none. */
  readonly fixedRoots: readonly string[];
  /** Of the site, whoever asks. */
  readonly siteRoots: readonly string[];
  /** Who asks learns nothing of what lies outside the roots. */
  readonly hidesOutside: boolean;
  /** Its socket is fenced off as well. */
  readonly engine: Engine | undefined;
  readonly userRuntimeDir: string;
}

/** What host paths are judged by: the roots that the site allows, and what of ours is never shown in a sandbox. */
export function approvalHere(
  config: Config,
  { engine, userRuntimeDir, fixedRoots, siteRoots, hidesOutside }: ApprovalParts,
): ApprovalContext {
  const home = homedir();
  return {
    allowedRoots: config.sitePolicy.allowedRoots,
    ...{ fixedRoots, siteRoots, hidesOutside },
    homeDir: home,
    uid: callerUid(),
    privateFolders: [
      config.stateDir,
      config.runtimeDir,
      userRuntimeDir,
      // A socket can be connected to through a read-only mount, and the log would be the sandbox's to rewrite.
      ...(engine === undefined ? [] : [engine.identity.socketPath]),
      config.auditLogPath,
      // What is kept encrypted is in a folder that is fenced off already; its key need not be.
      ...(config.encryption.keyFile === undefined ? [] : [config.encryption.keyFile]),
      ...(config.audit.anchorPath === undefined ? [] : [config.audit.anchorPath]),
      ...(config.audit.forward?.startsWith('/') === true ? [config.audit.forward] : []),
      ...listLogFiles(config.auditLogPath).map((file) => file.path),
      `${home}/.local/share/containers`,
      `${home}/.local/share/docker`,
    ],
  };
}
