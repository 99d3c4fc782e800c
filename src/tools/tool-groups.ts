/** What callers can be given together. No tool is in two, and each is in one. */
export const toolGroups = {
  /** Looks at sessions and at what is in them. */
  read: [
    'list_sessions',
    'get_session',
    'get_command',
    'read_file',
    'list_files',
    'get_session_logs',
    'review_changes',
    'compare_sessions',
  ],
  /** Makes, changes and ends them. */
  sessions: ['create_session', 'update_session', 'destroy_session', 'snapshot_session', 'fork_session'],
  /** Runs things in them. */
  exec: ['execute_command', 'execute_in_session', 'stop_command', 'write_file'],
  /** Reads and writes files of the host. */
  host: ['apply_changes', 'discard_changes', 'transfer_files'],
  /** Looks at the host itself. */
  check: ['check_host'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** The tools that scopes stand for, each the name of a group or of a tool; others stand for none. */
export function toolsOf(scopes: readonly string[]): ReadonlySet<string> {
  const groups: Readonly<Record<string, readonly string[]>> = toolGroups;
  return new Set(scopes.flatMap((scope) => (Object.hasOwn(groups, scope) ? (groups[scope] ?? []) : [scope])));
}
