import type { CliOptions } from './command.js';

/** What every command takes besides settings. */
export const commonOptions = {
  json: { type: 'boolean', help: 'one JSON document on stdout' },
  help: { type: 'boolean', short: 'h', help: 'this text' },
} as const satisfies CliOptions;
