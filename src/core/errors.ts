/**
 * The one table of errors. Every refusal and failure that leaves Paddock carries a code from here; the code is stable,
 * the wording is not. `docs/errors.md` has a row for each, and a test holds the two against each other.
 */
export interface ErrorEntry {
  /** Exit status of the command line tool (product surface: 2 usage, 3 policy, 4 no engine, 5 engine, 6 session, 7 command, 8 audit, 70 bug). */
  readonly exitCode: number;
  /** Whether the same call may succeed later without anything being changed by the caller. */
  readonly retryable: boolean;
  /** What the caller does next, in one sentence. */
  readonly hint: string;
}

export const errorTable = {
  BAD_ARGUMENT: { exitCode: 2, retryable: false, hint: 'Correct the named argument and call again.' },
  BAD_CONFIG: {
    exitCode: 2,
    retryable: false,
    hint: 'Correct the named setting; docs/configuration.md lists them all and what they take.',
  },
  PRESET_UNKNOWN_HERE: {
    exitCode: 2,
    retryable: false,
    hint: 'Set the tool up on this machine as you use it, so that its settings name its hosts, or allow the hosts by name.',
  },
  POLICY_DENIED: {
    exitCode: 3,
    retryable: false,
    hint: 'Ask for less, or have the site policy changed; the rule id names what refused it.',
  },
  CONTROL_NOT_ENFORCED: {
    exitCode: 3,
    retryable: false,
    hint: 'The site policy requires a control that this host does not enforce; `paddock doctor` names the remedy.',
  },
  LIMIT_REACHED: { exitCode: 3, retryable: true, hint: 'Destroy a session that is no longer needed, then call again.' },
  RATE_LIMITED: {
    exitCode: 3,
    retryable: true,
    hint: 'Call again after the time that the message names, and less often from then on.',
  },
  QUOTA_EXCEEDED: {
    exitCode: 3,
    retryable: true,
    hint: 'The key has used what it may in a day; call again after the time that the message names, or have it given more.',
  },
  NO_ENGINE: {
    exitCode: 4,
    retryable: false,
    hint: 'Start a rootless engine, for example `systemctl --user enable --now podman.socket`.',
  },
  ENGINE_ROOTFUL: {
    exitCode: 4,
    retryable: false,
    hint: 'Run Paddock as an ordinary user, with a rootless Podman or Docker; a rootful engine is refused unless the site policy says `rootful = true` (/etc/paddock/policy.toml; where there is none, [policy] in ~/.config/paddock/config.toml).',
  },
  ENGINE_ENDPOINT_REFUSED: {
    exitCode: 4,
    retryable: false,
    hint: 'Use the Unix socket of a local rootless engine; TCP and ssh endpoints are refused.',
  },
  ENGINE_UNAVAILABLE: {
    exitCode: 4,
    retryable: true,
    hint: 'The engine went away; call again, or start it and call again.',
  },
  ENGINE_TIMEOUT: {
    exitCode: 5,
    retryable: true,
    hint: 'The engine did not answer in time; `paddock doctor` checks it.',
  },
  ENGINE_PROTOCOL: {
    exitCode: 5,
    retryable: false,
    hint: 'The engine answered something it should not; `paddock doctor` shows its version.',
  },
  ENGINE_FAILED: {
    exitCode: 5,
    retryable: false,
    hint: 'The engine refused the request; its own words are in the message.',
  },
  ENGINE_NOT_FOUND: { exitCode: 5, retryable: false, hint: 'What was asked for is not in the engine any more.' },
  ENGINE_CONFLICT: {
    exitCode: 5,
    retryable: true,
    hint: 'The object is not in a state that allows this; look at it and call again.',
  },
  IMAGE_NOT_FOUND: {
    exitCode: 5,
    retryable: false,
    hint: 'Load or pull the image with the engine first, use its fully qualified name, or leave image out for the host image. The site policy allows Paddock to pull with `pull = true` (/etc/paddock/policy.toml; where there is none, [policy] in ~/.config/paddock/config.toml).',
  },
  IMAGE_REFUSED: {
    exitCode: 3,
    retryable: false,
    hint: 'The image carries settings that could weaken the sandbox; use another image.',
  },
  IMAGE_BUILD_FAILED: {
    exitCode: 5,
    retryable: false,
    hint: 'A step of the build failed, and its last lines say why; with `--network engine`, where the site policy allows pulling, the steps can install what the base lacks.',
  },
  AGENT_NOT_FETCHED: {
    exitCode: 5,
    retryable: false,
    hint: 'See that npm on this host reaches its registry, or give the packages as files: `--packages FOLDER` (docs/images.md).',
  },
  SCANNER_MISSING: {
    exitCode: 5,
    retryable: false,
    hint: 'Install trivy, grype, docker scout or snyk where your own PATH finds it (docs/scanning.md).',
  },
  SCAN_FAILED: {
    exitCode: 5,
    retryable: true,
    hint: 'The scanner, or the disk that the image is written to for it, says why; run the scanner by hand, or take another: `--scanner NAME`.',
  },
  SANDBOX_UNVERIFIED: {
    exitCode: 5,
    retryable: false,
    hint: 'The running container was not what was asked for, so it was removed; `paddock doctor` shows what differs.',
  },
  INIT_MISSING: {
    exitCode: 5,
    retryable: false,
    hint: 'Run `npm run build` with a C compiler (musl-tools or gcc) present.',
  },
  NO_SUCH_SESSION: {
    exitCode: 6,
    retryable: false,
    hint: 'List the sessions (`paddock ps`, list_sessions), or create a new one.',
  },
  SESSION_ENDED: { exitCode: 6, retryable: false, hint: 'The session has ended; create a new one.' },
  SESSION_STARTING: {
    exitCode: 6,
    retryable: true,
    hint: 'Its files are still being copied, and that goes on: ask for it with get_session in a while, or give it up with destroy_session.',
  },
  SESSION_NOT_YOURS: {
    exitCode: 6,
    retryable: false,
    hint: 'The session belongs to another live Paddock process; use it there, or end that process.',
  },
  UPDATE_UNSUPPORTED: {
    exitCode: 6,
    retryable: false,
    hint: 'This can not be changed in the running session; create another with what is needed.',
  },
  CHANGES_UNREADABLE: {
    exitCode: 6,
    retryable: true,
    hint: 'Call again when nobody is moving the project; what the session has written is as it was.',
  },
  SNAPSHOT_FAILED: {
    exitCode: 6,
    retryable: true,
    hint: 'Stop what writes in the session, or make room on the disk, and call again.',
  },
  WORKSPACE_UNAVAILABLE: {
    exitCode: 6,
    retryable: false,
    hint: 'Ask for another workspace (`--workspace ro` to read the project, `rw` to write it), or have state_dir on a file system that overlays can use.',
  },
  NO_SUCH_SNAPSHOT: {
    exitCode: 6,
    retryable: false,
    hint: '`paddock snapshots` lists those there are, with their ids and names.',
  },
  NO_SUCH_COMMAND: {
    exitCode: 6,
    retryable: false,
    hint: 'Use a command id that execute_command returned in this session.',
  },
  NO_SUCH_QUESTION: {
    exitCode: 6,
    retryable: false,
    hint: 'Look at what waits (`paddock approve ID`); a program that was not answered in time has been refused.',
  },
  CHANNEL_UNAVAILABLE: {
    exitCode: 5,
    retryable: true,
    hint: 'The way into the sandbox could not be opened; call again, and see what its first process said.',
  },
  OTHER_VERSION: {
    exitCode: 5,
    retryable: false,
    hint: 'End what an earlier Paddock has started (its servers; detached sessions by `paddock rm --all` of that version), and use one version (docs/operations.md).',
  },
  NETWORK_MISSING: {
    exitCode: 5,
    retryable: false,
    hint: 'Start the container of the server with a network (without `--network none`), or make the session without what it may reach (docs/container.md).',
  },
  CHANNEL_VIOLATION: {
    exitCode: 6,
    retryable: false,
    hint: 'What came out of the sandbox broke the rules of the channel, so the session was ended; create a new one.',
  },
  COMMAND_NOT_RUN: {
    exitCode: 7,
    retryable: false,
    hint: 'The command could not be started; check its name, its working directory and the image.',
  },
  AGENT_NOT_FOUND: {
    exitCode: 7,
    retryable: false,
    hint: 'Install the agent where the sandbox sees it, or use an image that has it (`paddock image build`).',
  },
  NO_SUCH_FILE: { exitCode: 7, retryable: false, hint: 'Look with list_files what is there; paths are those inside.' },
  FILE_REFUSED: {
    exitCode: 7,
    retryable: false,
    hint: 'Use a place that the sandbox may use in this way: its working directory unless the workspace is read-only, /tmp, or its home.',
  },
  FILE_KIND: {
    exitCode: 7,
    retryable: false,
    hint: 'Only regular files are read and written; list_files shows what is there.',
  },
  FILE_EXISTS: {
    exitCode: 7,
    retryable: false,
    hint: 'Say overwrite if it is to be replaced, or give another path.',
  },
  FILES_UNAVAILABLE: {
    exitCode: 7,
    retryable: false,
    hint: 'Use a command for it (execute_command), or create a new session.',
  },
  TRANSFER_FAILED: {
    exitCode: 7,
    retryable: false,
    hint: 'See to the disk and the permissions of that folder, then call again; what was copied until then is whole, and stays.',
  },
  PROFILE_NOT_LOADED: {
    exitCode: 7,
    retryable: false,
    hint: 'Run it as root, on a host that uses AppArmor (package apparmor), or SELinux (policycoreutils and a policy with containers).',
  },
  AUDIT_UNWRITABLE: { exitCode: 8, retryable: false, hint: 'Make the audit log writable; without it nothing is done.' },
  AUDIT_BROKEN: {
    exitCode: 8,
    retryable: false,
    hint: 'The audit log does not verify; keep a copy and find out who changed it.',
  },
  AUDIT_NOT_FORWARDED: {
    exitCode: 8,
    retryable: false,
    hint: 'Install util-linux (`logger`) and see that what `audit.forward` names is there: journald, or a syslog daemon with that socket; or take the setting out of config.toml.',
  },
  STATE_UNWRITABLE: {
    exitCode: 5,
    retryable: false,
    hint: 'Make the state folder ($XDG_STATE_HOME/paddock) yours and writable.',
  },
  STATE_UNREADABLE: {
    exitCode: 5,
    retryable: true,
    hint: 'Nothing is taken for gone by that; see that the disk, the modes in the state folder and the limit of open files (`ulimit -n`) are as they were, then call again.',
  },
  PATH_NOT_ON_HOST: {
    exitCode: 3,
    retryable: false,
    hint: 'Mount the folder into the container of the server at its own path (docs/container.md).',
  },
  STATE_IN_USE: {
    exitCode: 5,
    retryable: false,
    hint: 'Give each server in a container a state folder of its own (`state_dir`), which nothing on the host uses (docs/container.md).',
  },
  ENCRYPTION_KEY_UNUSABLE: {
    exitCode: 5,
    retryable: false,
    hint: 'Put the key back where [encryption] of ~/.config/paddock/config.toml says it is; nothing is lost meanwhile (docs/encryption.md).',
  },
  SEALED_UNREADABLE: {
    exitCode: 6,
    retryable: false,
    hint: 'Bring the file back from a backup, or discard it; `paddock discard ID` and `paddock snapshots --rm ID` need no key.',
  },
  LAYER_BUSY: {
    exitCode: 6,
    retryable: true,
    hint: 'Another process applies, discards, copies or removes these changes right now; call again once it is done.',
  },
  LAYER_OPENING: {
    exitCode: 6,
    retryable: true,
    hint: 'That goes on: make the same call again in some seconds; what is then open is kept for it for two minutes.',
  },
  REVIEW_OUTDATED: {
    exitCode: 6,
    retryable: false,
    hint: 'Review the changes again, and apply with the fingerprint of that review.',
  },
  PROJECT_UNWRITABLE: {
    exitCode: 6,
    retryable: false,
    hint: 'See to the disk and the permissions of the project, then call again; what was begun is undone, or finished then.',
  },
  INTERRUPTED: { exitCode: 130, retryable: true, hint: 'The call was cancelled; nothing of it is left running.' },
  INTERNAL: { exitCode: 70, retryable: false, hint: 'This is a bug of Paddock; please report it with the message.' },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorTable;

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorTable, text);
}

/** Facts that go with an error: small, JSON-able, never a secret. */
export type ErrorInfo = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface PaddockErrorOptions {
  readonly info?: ErrorInfo;
  readonly cause?: unknown;
  /** Overrides the table's hint where more is known. */
  readonly hint?: string;
}

/** Every error that crosses a room's border. `message` is for people; match on `code` only. */
export class PaddockError extends Error {
  readonly code: ErrorCode;
  readonly info: ErrorInfo;
  readonly hint: string;

  constructor(code: ErrorCode, message: string, options: PaddockErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.info = options.info ?? {};
    this.hint = options.hint ?? errorTable[code].hint;
  }

  get exitCode(): number {
    return errorTable[this.code].exitCode;
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }
}

/** A refusal by policy: always names the rule that refused. */
export class PolicyDenied extends PaddockError {
  readonly ruleId: string;

  constructor(ruleId: string, message: string, options: PaddockErrorOptions = {}) {
    super('POLICY_DENIED', message, { ...options, info: { ...options.info, ruleId } });
    this.ruleId = ruleId;
  }
}

/** A failure that the engine or the way to it caused. */
export class EngineError extends PaddockError {}

/** A failure of one sandbox: it could not be made, verified, or used. */
export class SandboxError extends PaddockError {}

/** A session that is not there, not the caller's, or over. */
export class SessionError extends PaddockError {}

/** The audit log can't be written or does not verify; whatever was asked did not happen. */
export class AuditError extends PaddockError {}

/** A setting or an argument that can't be used. */
export class ConfigError extends PaddockError {}

/** Turns anything thrown into a PaddockError, keeping it as the cause; used at room borders only. */
export function toPaddockError(thrown: unknown, code: ErrorCode = 'INTERNAL'): PaddockError {
  if (thrown instanceof PaddockError) return thrown;
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return new PaddockError('INTERRUPTED', 'the call was cancelled', { cause: thrown });
  }
  return new PaddockError(code, thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
}
