import { homedir } from 'node:os';
import { type Config, loadConfig } from '../config/load.js';
import { PaddockError } from '../core/errors.js';
import type { CliOptions, CommandContext } from './command.js';
import { write } from './output.js';

/** Settings that every command takes as flags; what they mean is in docs/configuration.md. */
export const settingOptions = {
  engine: {
    type: 'string',
    help: 'endpoint to use instead of looking for one, such as unix:///run/user/1000/podman/podman.sock',
  },
  'host-folders': { type: 'string', help: 'folders that the host image shows read-only, with colons between' },
  'key-file': {
    type: 'string',
    help: 'file of keys for the credential broker, NAME=value lines, your own with mode 0600',
  },
  'audit-log': { type: 'string', help: 'the audit log' },
  'state-dir': { type: 'string', help: 'folder for what survives a reboot' },
  'runtime-dir': { type: 'string', help: 'folder for sockets' },
  'log-level': { type: 'string', help: 'silent, fatal, error, warn, info, debug or trace' },
  channel: { type: 'string', help: 'how commands get into sandboxes: fifo, attach or exec' },
  cow: { type: 'string', help: 'by which means a workspace is cow: overlay, copy, or auto' },
  'client-name': { type: 'string', help: 'what the audit log calls the MCP client' },
  'max-sessions': { type: 'string', help: "sessions at once, at most the policy's" },
  nofile: { type: 'string', help: 'limit of open files per process' },
  shm: { type: 'string', help: 'size of /dev/shm, such as 64m' },
  tmp: { type: 'string', help: 'size of /tmp and of /var/tmp' },
  home: { type: 'string', help: 'size of /home/agent' },
  'disk-inodes': { type: 'string', help: 'how many files and folders a writable project may gain' },
} as const satisfies CliOptions;

/** The effective settings of this command line. Errors: BAD_CONFIG. */
export async function settingsOf(context: CommandContext): Promise<Config> {
  const flags = Object.keys(settingOptions).map((name) => [name, context.values[name]] as const);
  const given = flags.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value] as const] : []));
  const input = { env: context.env, flags: Object.fromEntries(given), homeDir: homedir(), uid: callerUid() };
  const config = await loadConfig(input);
  for (const warning of config.warnings) await write(context.terminal.stderr, `paddock: warning: ${warning}\n`);
  return config;
}

/** Real uid of the caller; Paddock runs on Linux only. */
export function callerUid(): number {
  const uid = process.getuid?.();
  if (uid === undefined) throw new PaddockError('INTERNAL', 'this platform has no user ids');
  return uid;
}
