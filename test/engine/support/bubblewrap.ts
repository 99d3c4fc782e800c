/** The project, of which hello.txt stays as it is. */
const project = ['--bind', '/workspace', '/workspace', '--ro-bind', '/workspace/hello.txt', '/workspace/hello.txt'];
const agents = ['--new-session', '--die-with-parent'];
const root = ['--ro-bind', '/', '/'];
const user = ['--unshare-user', '--unshare-pid'];

/** Ways of calling bubblewrap that work in a sandbox, by who calls it so. None of them asks for a /proc of its own. */
export const bubblewrapCalls: readonly (readonly [string, readonly string[]])[] = [
  ['who wants everything apart', [...root, '--dev', '/dev', ...project, '--unshare-all', '--die-with-parent']],
  [
    'who binds the /proc of the sandbox',
    [...root, '--dev', '/dev', '--bind', '/proc', '/proc', ...project, '--unshare-all'],
  ],
  // With `enableWeakerNestedSandbox`; without, it asks for a /proc.
  ['Claude Code', [...agents, '--unshare-net', ...root, ...project, '--dev', '/dev', ...user, '--cap-drop', 'ALL']],
  // When it has been refused a /proc.
  ['Codex', [...agents, ...root, '--dev', '/dev', ...project, ...user, '--unshare-net']],
];

/** The command line of bubblewrap with a shell line in it. */
export function bubblewrap(options: readonly string[], line: string): readonly string[] {
  return ['bwrap', ...options, '--', 'sh', '-c', line];
}

/** What a shell line tells of the sandbox it is in: who it is, what it may write, which interfaces there are. */
export const nestedFacts =
  'id -u; echo x >/workspace/new && rm /workspace/new && echo written; ' +
  '(echo x >/workspace/hello.txt) 2>/dev/null || echo kept; (echo x >/usr/x) 2>/dev/null || echo whole; ' +
  'grep -c : /proc/self/net/dev';

export const expectedFacts = (uid: number): string => `${uid}\nwritten\nkept\nwhole\n1\n`;
