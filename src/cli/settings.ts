import { homedir } from 'node:os';
import { type Config, loadConfig } from '../config/load.js';
import { PaddockError } from '../core/errors.js';
import type { CliOptions, CommandContext } from './command.js';
import { write } from './output.js';

/** Settings that every command takes as flags; what they mean is in docs/configuration.md. */
export const settingOptions = {
  engine: { type: 'string' },
  'host-folders': { type: 'string' },
  'audit-log': { type: 'string' },
  'state-dir': { type: 'string' },
  'runtime-dir': { type: 'string' },
  'log-level': { type: 'string' },
  'client-name': { type: 'string' },
  'max-sessions': { type: 'string' },
  nofile: { type: 'string' },
  shm: { type: 'string' },
  tmp: { type: 'string' },
  home: { type: 'string' },
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
