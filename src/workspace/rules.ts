import { type ErrorInfo, PolicyDenied } from '../core/errors.js';
import { safeLine } from '../kit/safe-text.js';

/** Why a host path may not be shown inside, one row for each rule. `docs/enforcement.md` lists them. */
export const workspaceRules = {
  'workspace.form': {
    reason: 'a host path must be absolute and normal text',
    hint: 'Give an absolute path without NUL or control characters.',
  },
  'workspace.characters': {
    reason:
      'the resolved path holds a character that engines take for syntax (comma, colon, quote, backslash, control)',
    hint: 'Rename the folder, or move the project to a path without such characters.',
  },
  'workspace.missing': {
    reason: 'there is nothing at that path',
    hint: 'Create the folder first; Paddock creates nothing on the host.',
  },
  'workspace.unreadable': { reason: 'the path can not be opened', hint: 'Give a folder that you may enter.' },
  'workspace.kind': {
    reason: 'it is neither a folder nor, for a read-only mount of an MCP server, a regular file',
    hint: 'Give a folder.',
  },
  'workspace.changed': {
    reason: 'the path changed, or a link appeared in it, while it was being checked',
    hint: 'Call again when nothing is moving that folder.',
  },
  'workspace.root': { reason: 'it is the root of the file system', hint: 'Name the project folder itself.' },
  'workspace.home': {
    reason: 'it is the home folder itself, or a folder that contains it',
    hint: 'Name a project folder inside your home.',
  },
  'workspace.dot-folder': {
    reason: 'it is a hidden folder of the home folder or lies inside one; keys and settings live there',
    hint: 'Move the project out of the hidden folder.',
  },
  'workspace.credentials': {
    reason: 'it is, contains or lies inside a place where credentials are kept',
    hint: 'Name the narrower folder that holds only the programs.',
  },
  'workspace.system-folder': {
    reason: 'it is, contains or lies inside a system folder',
    hint: 'Name a project folder inside your home.',
  },
  'workspace.private-folder': {
    reason: "it is, contains or lies inside a folder of the engine's or of Paddock's own",
    hint: 'Name a project folder elsewhere.',
  },
  'workspace.outside-roots': {
    reason: 'it lies outside the folders that the site policy allows',
    hint: 'Use a folder below an allowed root, or have `allowedRoots` extended.',
  },
  'workspace.programs-link': {
    reason:
      'a link leads to these programs from where sessions may write a project, so that one of them could lead it elsewhere',
    hint: 'See where it leads. If that is meant, name that folder in `host_folders`, or put the link where no project may lie: into home itself or outside `allowed_roots`.',
  },
  'workspace.owner': { reason: 'it does not belong to you', hint: 'Use a folder of your own.' },
  'workspace.submount': {
    reason: 'other file systems are mounted inside it that can not be shown safely',
    hint: 'Unmount what is mounted inside the folder, ask for a read-only workspace, or use another folder.',
  },
  'workspace.label': {
    reason: 'SELinux does not let sandboxes use it as asked: its label is not one of containers',
    hint:
      'Ask for the workspace cow or ro, which need no label with Podman; or run `chcon -R -t container_file_t` on that folder, ' +
      'after which every container may use it.',
  },
  'workspace.overlap': {
    reason: 'another session already has a writable workspace that is, contains or lies inside it',
    hint: 'Destroy the other session first, or ask for a read-only workspace.',
  },
  'workspace.origin': {
    reason:
      'what the session is to begin with, or to be compared with, belongs to another project or to none that is shown copy-on-write',
    hint: 'Leave projectPath and workspace out, or give that very project with workspace cow.',
  },
} as const satisfies Record<string, { readonly reason: string; readonly hint: string }>;

export type WorkspaceRuleId = keyof typeof workspaceRules;

/** The refusal for a rule; the path goes into the message escaped and cut. */
export function denied(ruleId: WorkspaceRuleId, path: string, info: ErrorInfo = {}, cause?: unknown): PolicyDenied {
  const { reason, hint } = workspaceRules[ruleId];
  const shown = safeLine(path);
  return new PolicyDenied(ruleId, `${shown}: ${reason}`, { hint, info: { ...info, path: shown }, cause });
}
