import type { SitePolicy } from '../core/site-policy.js';
import { type MountSpec, type TmpfsSpec, type WorkspaceMode, workspaceTarget } from '../core/spec.js';
import { hostPath, isWithin, mountTarget } from './paths.js';
import type { ParsedCreateRequest } from './request.js';
import { deny } from './verdict.js';
import type { Wishes } from './wishes.js';

const mostMounts = 48;

/**
 * The workspace mode of a request, from what it says, what it gives and what the site has as default. Where host folders may not be written it is at most
 * `cow`, which writes beside them.
 */
export function decideWorkspace(request: ParsedCreateRequest, policy: SitePolicy, wishes: Wishes): WorkspaceMode {
  const { projectPath, workspace } = request;
  if (projectPath === undefined) {
    if (workspace !== undefined && workspace !== 'none')
      deny('workspace.no-project', `workspace ${workspace} without projectPath`);
    return 'none';
  }
  if (workspace === 'rw' && !policy.readWriteAllowed) deny('workspace.read-write', 'workspace rw is not allowed here');
  const byDefault = policy.defaults.workspace;
  const mode = workspace ?? (byDefault === 'rw' && !policy.readWriteAllowed ? 'cow' : byDefault);
  if (mode === 'none') wishes.notes.push('the project is not shown, because workspace is none');
  return mode;
}

/** Every host path to show inside: lexically sound, no two in each other's way. `workspace` judges the paths themselves. */
export function decideMounts(
  request: ParsedCreateRequest,
  mode: WorkspaceMode,
  wishes: Wishes,
  tmpfs: readonly TmpfsSpec[],
  policy: SitePolicy,
): readonly MountSpec[] {
  const project = request.projectPath === undefined ? undefined : hostPath(request.projectPath, 'projectPath');
  const extra: readonly MountSpec[] = [
    ...(request.mcpMounts ?? []).map(({ source, target, readOnly }) => ({
      hostPath: hostPath(source, 'the source of an mcpMount'),
      target: mountTarget(target, 'the target of an mcpMount'),
      readOnly,
      purpose: 'mcp' as const,
    })),
    ...wishes.mounts,
  ];
  if (extra.length > mostMounts) deny('mounts.malformed', `more than ${mostMounts} mounts`);
  const writable = extra.find(({ readOnly }) => !readOnly);
  if (writable !== undefined && !policy.readWriteAllowed) {
    deny('workspace.read-write', `the mount at ${writable.target} is not read-only`);
  }
  checkOverlaps(extra, tmpfs);
  if (mode === 'none' || project === undefined) return extra;
  const workspace = {
    hostPath: project,
    target: workspaceTarget,
    readOnly: mode !== 'rw',
    purpose: 'workspace' as const,
    ...(mode === 'cow' ? { copyOnWrite: true } : {}),
  };
  return [workspace, ...extra];
}

/** Nested binds race with each other and leave mount points on the host; a bind over a tmpfs would hide it. */
function checkOverlaps(mounts: readonly MountSpec[], tmpfs: readonly TmpfsSpec[]): void {
  for (const [index, mount] of mounts.entries()) {
    const nested = mounts.find(
      ({ target }, other) => other !== index && (isWithin(target, mount.target) || isWithin(mount.target, target)),
    );
    if (nested !== undefined) deny('mounts.overlap', `the mounts at ${mount.target} and ${nested.target} overlap`);
    const hidden = tmpfs.find(({ target }) => isWithin(target, mount.target));
    if (hidden !== undefined) deny('mounts.overlap', `the mount at ${mount.target} would hide ${hidden.target}`);
  }
}
