import { isEitherInside, isInside, isStrictlyInside } from '../kit/path-containment.js';
import type { WorkspaceRuleId } from './rules.js';

/** Folders of the system: never shown as a project, nor anything that contains one. */
const systemFolders = [
  ...['/bin', '/boot', '/dev', '/efi', '/etc', '/lib', '/lib32', '/lib64', '/libx32', '/lost+found', '/proc', '/root'],
  ...['/run', '/sbin', '/snap', '/sys', '/usr', '/var'],
] as const;

/** What a folder of programs may be below, unlike a project: packages put tool chains there. */
const programFolders: readonly string[] = ['/usr', '/snap'];

/**
 * Where keys, tokens, histories and browser profiles live below home. Checked both ways: `~/.cargo` is refused because
 * it contains `credentials.toml`, `~/.cargo/bin` is fine.
 */
const credentialPlaces = [
  ...['.ssh', '.gnupg', '.aws', '.azure', '.oci', '.config', '.docker', '.kube', '.pki', '.password-store', '.boto'],
  ...['.netrc', '.npmrc', '.yarnrc', '.yarnrc.yml', '.pypirc', '.git-credentials', '.gitconfig', '.vault-token'],
  ...['.cargo/credentials', '.cargo/credentials.toml', '.gem/credentials', '.m2/settings.xml', '.terraform.d'],
  ...['.gradle/gradle.properties', '.bundle/config', '.composer/auth.json', '.nuget/NuGet', '.databrickscfg'],
  ...['.local/share/keyrings', '.local/share/containers', '.local/share/docker', '.local/state', '.mozilla'],
  ...['.claude', '.claude.json', '.codex', '.gemini', '.cursor', '.vscode', '.vscode-server', '.thunderbird', '.var'],
  ...['.bash_history', '.zsh_history', '.python_history', '.node_repl_history', '.psql_history', '.pgpass', '.my.cnf'],
  ...['.local/share/opencode', '.minikube', '.rclone.conf', '.s3cfg', '.dbus', '.Xauthority', '.cache'],
] as const;

/** Folders against which a path is judged; all absolute, links resolved. */
export interface PathContext {
  readonly homeDir: string;
  readonly allowedRoots: readonly string[];
  /** The engine's storage, its sockets, and Paddock's own state and runtime folders. */
  readonly privateFolders: readonly string[];
}

// `\` is how OCI runtimes and mount(8) escape; quotes and commas are syntax in the engines' option lists.
const unsafeCharacters = /[,:"'`\\\p{Cc}\u2028\u2029]/u;

/** Whether engines would take a character of this path for syntax. */
export function hasUnsafeCharacters(path: string): boolean {
  return unsafeCharacters.test(path);
}

/**
 * The rule that refuses this folder as a project or mount, undefined when none does. Pure; `path` has its links
 * resolved. Containment is checked both ways: a parent of a refused folder shows that folder too.
 */
export function judgeProjectPath(path: string, context: PathContext): WorkspaceRuleId | undefined {
  const { homeDir } = context;
  const common = judgeAnyPath(path, context);
  if (common !== undefined) return common;
  if (isTouchingSystem(path, systemFolders, homeDir)) return 'workspace.system-folder';
  if (isInDotFolder(path, homeDir)) return 'workspace.dot-folder';
  return context.allowedRoots.some((root) => isInside(path, root)) ? undefined : 'workspace.outside-roots';
}

/**
 * The same for a folder of programs that the user's own settings name for the host image, always shown read-only:
 * hidden folders of home are fine as long as no credentials are kept in, above or below them.
 */
export function judgeProgramsPath(path: string, context: PathContext): WorkspaceRuleId | undefined {
  const { homeDir } = context;
  const common = judgeAnyPath(path, context);
  if (common !== undefined) return common;
  const system = systemFolders.filter((folder) => !programFolders.includes(folder));
  if (isTouchingSystem(path, system, homeDir)) return 'workspace.system-folder';
  if (credentialPlaces.some((place) => isEitherInside(path, `${homeDir}/${place}`))) return 'workspace.credentials';
  return context.allowedRoots.some((root) => isInside(path, root)) ? undefined : 'workspace.outside-roots';
}

/**
 * Whether no project is this folder or holds it, whatever the site allows: what lies directly in it is no session's to exchange. Its name does not count:
 * a project may hold folders that could be none themselves for theirs.
 */
export function isNeverProject(path: string, homeDir: string): boolean {
  return (
    path === '/' ||
    isInside(homeDir, path) ||
    isTouchingSystem(path, systemFolders, homeDir) ||
    isInDotFolder(path, homeDir)
  );
}

function judgeAnyPath(path: string, context: PathContext): WorkspaceRuleId | undefined {
  if (hasUnsafeCharacters(path)) return 'workspace.characters';
  if (path === '/') return 'workspace.root';
  if (isInside(context.homeDir, path)) return 'workspace.home';
  return context.privateFolders.some((folder) => isEitherInside(path, folder)) ? 'workspace.private-folder' : undefined;
}

function isInDotFolder(path: string, homeDir: string): boolean {
  return isStrictlyInside(path, homeDir) && path.slice(homeDir.length + 1).startsWith('.');
}

/** A home below a system folder (`/var/home/ann`, `/root`) does not make its own projects system folders. */
function isTouchingSystem(path: string, folders: readonly string[], homeDir: string): boolean {
  return folders.some(
    (folder) => isEitherInside(path, folder) && !(isInside(homeDir, folder) && isInside(path, homeDir)),
  );
}
