import { resolve } from 'node:path';
import { PaddockError } from '../../core/errors.js';
import type { CreateRequest } from '../../policy/request.js';
import { type CliOptions, type CommandContext, text, texts } from '../command.js';

/** The flags of `run` and `create` that say what the sandbox is to be. */
export const requestOptions = {
  project: { type: 'string' },
  image: { type: 'string' },
  network: { type: 'string' },
  workspace: { type: 'string' },
  memory: { type: 'string' },
  cpus: { type: 'string' },
  pids: { type: 'string' },
  lifetime: { type: 'string' },
  name: { type: 'string' },
  env: { type: 'string', multiple: true },
  label: { type: 'string', multiple: true },
} as const satisfies CliOptions;

/**
 * The request behind the flags, as JSON for the policy room, which does the checking: what can't be read is passed on
 * as it is and refused there with a rule id.
 */
export function requestOf(context: CommandContext): Record<string, unknown> {
  const request: { -readonly [K in keyof CreateRequest]?: unknown } = {};
  const project = text(context, 'project');
  if (project !== undefined) request.projectPath = resolve(project);
  for (const key of ['image', 'network', 'workspace', 'memory', 'cpus', 'lifetime', 'name'] as const) {
    const value = text(context, key);
    if (value !== undefined) request[key] = value;
  }
  const pids = text(context, 'pids');
  if (pids !== undefined) request.pids = /^\d+$/.test(pids) ? Number(pids) : pids;
  const env = variables(context, 'env');
  if (env !== undefined) request.env = env;
  const labels = pairs(texts(context, 'label'), () => '');
  if (labels !== undefined) request.labels = labels;
  return request;
}

/** Variables of a repeated flag: `NAME=value`, or a bare NAME for the value it has in our own environment. */
export function variables(context: CommandContext, flag: string): Record<string, string> | undefined {
  return pairs(texts(context, flag), (name) => {
    const value = context.env[name];
    if (value !== undefined) return value;
    throw new PaddockError('BAD_ARGUMENT', `--${flag} ${name}: there is no such variable here`, {
      hint: `Give the value too: --${flag} ${name}=VALUE.`,
    });
  });
}

function pairs(given: readonly string[], bare: (name: string) => string): Record<string, string> | undefined {
  if (given.length === 0) return undefined;
  return Object.fromEntries(
    given.map((pair) => {
      const at = pair.indexOf('=');
      return at < 0 ? [pair, bare(pair)] : [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
