import { realpath } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { PolicyDenied } from '../core/errors.js';
import type { MountSpec } from '../core/spec.js';
import { type OpenedPath, openResolved, openWithoutLinks } from './open-without-links.js';
import { resolveInside } from './outside-roots.js';
import { hasUnsafeCharacters, judgeProgramsPath, judgeProjectPath, type PathContext } from './path-rules.js';
import { type ProgramsContext, programsNow } from './program-roots.js';
import { type RootNow, rootsNow } from './roots-now.js';
import { denied } from './rules.js';
import { readSubmounts } from './submounts.js';

/** Who asks, and which folders the site and the engine fence off. */
export interface ApprovalContext extends ProgramsContext {
  /** Folders of the site policy. For `host-image`: `hostFolders`. */
  readonly allowedRoots: readonly string[];
  readonly uid: number;
  /**
   * Storage and sockets of the engines and Paddock's own state and runtime folders (`$XDG_RUNTIME_DIR`, Docker's data
   * root …); those that don't exist are compared as written.
   */
  readonly privateFolders: readonly string[];
  /** Default `/proc/self/mountinfo`. */
  readonly mountinfoPath?: string;
  /** Whether who asks is somebody else, who is told nothing of what lies outside the roots. Default no. */
  readonly hidesOutside?: boolean;
}

/** A file or folder of the host by identity. `dev` and `ino` are decimal text: both can exceed a safe integer. */
export interface HostObject {
  /** Absolute path with links resolved: the only form that may be given to an engine. */
  readonly source: string;
  readonly dev: string;
  readonly ino: string;
}

/** The top of a mount below an approved path; sockets and devices can be mounted on as well. */
export interface Submount extends HostObject {
  readonly kind: OpenedPath['kind'];
}

/** A host path that passed every check; what the sandbox then shows is held against `dev` and `ino`. */
export interface ApprovedMount extends HostObject {
  readonly kind: 'folder' | 'file';
  readonly readOnly: boolean;
  /** Mounts below, outermost first: each needs its own explicit read-only bind, since `ro` is not recursive. */
  readonly submounts: readonly Submount[];
}

type MountRequest = Pick<MountSpec, 'hostPath' | 'readOnly' | 'purpose'>;

/**
 * Approves a host path for showing inside, or throws PolicyDenied with a `workspace.*` rule. Creates and changes
 * nothing. The path may change afterwards: compare `dev` and `ino` on the running container.
 */
export async function approveHostPath(request: MountRequest, context: ApprovalContext): Promise<ApprovedMount> {
  const { hostPath, readOnly } = request;
  const isPrograms = request.purpose === 'host-image';
  if (!isAbsolute(hostPath) || hostPath.length > 4095 || /\p{Cc}/u.test(hostPath)) {
    throw denied('workspace.form', hostPath);
  }
  // Once: what is found by some of them is judged by the same.
  const programs = isPrograms ? await programsNow(hostPath, context) : undefined;
  const roots = programs?.roots ?? (await rootsNow(context));
  const paths = await resolveContext(context, roots);
  const opened =
    context.hidesOutside === true
      ? await openResolved(await resolveInside(hostPath, roots), hostPath)
      : await openWithoutLinks(hostPath);
  await programs?.refuseLed(opened.path);
  const rule = (isPrograms ? judgeProgramsPath : judgeProjectPath)(opened.path, paths);
  if (rule !== undefined) throw denied(rule, hostPath, { resolved: opened.path });
  const kind = approvedKind(opened, request);
  if (kind === undefined) throw denied('workspace.kind', hostPath);
  const isOwned = opened.uid === context.uid || (isPrograms && opened.uid === 0);
  if (!isOwned) throw denied('workspace.owner', hostPath, { owner: opened.uid });
  const submounts = await approveSubmounts(opened.path, request, context.mountinfoPath);
  return { source: opened.path, dev: opened.dev, ino: opened.ino, kind, readOnly, submounts };
}

/**
 * Whether a server's working directory can serve as the project of a caller who names none: it has to pass the same
 * checks as any other. Desktop clients start servers in `/` or in home, which never pass.
 */
export async function approveWorkingDirectory(
  cwd: string,
  readOnly: boolean,
  context: ApprovalContext,
): Promise<ApprovedMount | PolicyDenied> {
  try {
    return await approveHostPath({ hostPath: cwd, readOnly, purpose: 'workspace' }, context);
  } catch (error) {
    if (error instanceof PolicyDenied) return error;
    throw error;
  }
}

function approvedKind(opened: OpenedPath, request: MountRequest): 'folder' | 'file' | undefined {
  const { purpose, readOnly } = request;
  if (purpose === 'host-image' && !readOnly) return undefined;
  if (opened.kind === 'folder') return 'folder';
  return opened.kind === 'file' && purpose === 'mcp' && readOnly ? 'file' : undefined;
}

/** Identities of the mounts below `source`; refuses when there are any and writing was asked for. */
export async function approveSubmounts(
  source: string,
  request: Pick<MountSpec, 'hostPath' | 'readOnly'>,
  mountinfoPath?: string,
): Promise<readonly Submount[]> {
  const points = readSubmounts(source, mountinfoPath);
  if (points === undefined) throw denied('workspace.submount', request.hostPath, { reason: 'unreadable mount table' });
  const refused = request.readOnly ? points.find(hasUnsafeCharacters) : points[0];
  if (refused !== undefined) throw denied('workspace.submount', request.hostPath, { submount: refused });
  return Promise.all(
    points.map(async (point) => {
      const { path, dev, ino, kind } = await openWithoutLinks(point);
      if (path !== point) throw denied('workspace.changed', request.hostPath);
      return { source: path, dev, ino, kind };
    }),
  );
}

/**
 * For what looks at a path before it is approved: refuses what `hidesOutside` says nothing of. What is missing below a root is no error here.
 * Errors: POLICY_DENIED.
 */
export async function refuseHidden(hostPath: string, context: ApprovalContext): Promise<void> {
  if (context.hidesOutside !== true) return;
  await resolveInside(hostPath, await rootsNow(context)).catch((error: unknown) => {
    if (!(error instanceof PolicyDenied && error.ruleId === 'workspace.missing')) throw error;
  });
}

async function resolveContext(context: ApprovalContext, roots: readonly RootNow[]): Promise<PathContext> {
  const existing = async (path: string): Promise<string | undefined> => realpath(path).catch(() => undefined);
  const privateFolders = await Promise.all(
    context.privateFolders.map(async (folder) => [folder, (await existing(folder)) ?? folder]),
  );
  return {
    homeDir: (await existing(context.homeDir)) ?? context.homeDir,
    allowedRoots: roots.map(({ real }) => real),
    privateFolders: [...new Set(privateFolders.flat())],
  };
}
