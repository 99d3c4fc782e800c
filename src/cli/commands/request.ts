import { resolve } from 'node:path';
import { PaddockError } from '../../core/errors.js';
import type { CreateRequest } from '../../policy/request.js';
import type { LayerOrigin } from '../../session/layer-origin.js';
import type { App } from '../app.js';
import { type CliOptions, type CommandContext, text, texts } from '../command.js';
import { sessionCopies } from '../session-copies.js';

/** The flags that say what a sandbox is to be, besides the profile. */
export const planOptions = {
  project: { type: 'string', help: 'folder to show as /workspace (default: none)' },
  image: { type: 'string', help: 'host, or a fully qualified image that the site policy allows (default: host)' },
  network: {
    type: 'string',
    help: 'none, allowlist with what --allow lists, internal: your other sessions with it, or open where the site allows it (default: none)',
  },
  publish: {
    type: 'string',
    multiple: true,
    help: 'port that sessions with network internal may connect to at http://NAME.internal:PORT: 8080 or api=8080; repeatable',
  },
  allow: {
    type: 'string',
    multiple: true,
    help: 'host that may be reached, such as example.com or *.example.com:8443, or a preset such as npm; repeatable',
  },
  provider: {
    type: 'string',
    multiple: true,
    help: 'whose models programs inside may call with the key that is here: anthropic, openai, google or bedrock; repeatable',
  },
  git: {
    type: 'string',
    multiple: true,
    help: 'git host that git inside reaches over https with a token that stays here, such as github.com; repeatable',
  },
  route: { type: 'string', multiple: true, help: "one of the policy's own routes of the broker, by name; repeatable" },
  workspace: {
    type: 'string',
    help: 'cow, ro, rw or none: how the project is shown (default: cow, written beside it)',
  },
  seccomp: { type: 'string', help: 'default, debug or nested: which system calls there are (default: default)' },
  memory: { type: 'string', help: 'memory limit, such as 512m or 2g' },
  cpus: { type: 'string', help: 'CPU limit, such as 0.5 or 2' },
  disk: { type: 'string', help: 'how much a writable project may grow, such as 10g' },
  pids: { type: 'string', help: 'limit of processes and threads' },
  lifetime: { type: 'string', help: 'when the sandbox ends by itself, such as 30m or 8h' },
  idle: { type: 'string', help: 'how long it may be without a command before it ends, such as 30m' },
  'keep-changes': {
    type: 'string',
    help: 'how long what it has changed is kept after its end, such as 3d (default: 7d)',
  },
  name: { type: 'string', help: 'name of the session, shown by ps' },
  env: {
    type: 'string',
    multiple: true,
    help: 'variable of every command: NAME=VALUE, or NAME for its value here; repeatable',
  },
  label: { type: 'string', multiple: true, help: 'label of the session: NAME=VALUE; repeatable' },
} as const satisfies CliOptions;

/** Those of `run` and `create`. */
export const requestOptions = {
  snapshot: { type: 'string', help: 'id or name of a snapshot to begin with, over its project' },
  profile: { type: 'string', help: 'named set of defaults: standard, strict, debug, nested or one of your own' },
  ...planOptions,
} as const satisfies CliOptions;

/**
 * The request behind the flags, as JSON for the policy room, which does the checking: what can't be read is passed on
 * as it is and refused there with a rule id.
 */
export function requestOf(context: CommandContext): Record<string, unknown> {
  const request: { -readonly [K in keyof CreateRequest]?: unknown } = {};
  const project = text(context, 'project');
  if (project !== undefined) request.projectPath = resolve(project);
  for (const key of [
    'profile',
    'image',
    'network',
    'workspace',
    'seccomp',
    'memory',
    'cpus',
    'disk',
    'lifetime',
    'name',
  ] as const) {
    const value = text(context, key);
    if (value !== undefined) request[key] = value;
  }
  const idle = text(context, 'idle');
  if (idle !== undefined) request.idleTimeout = idle;
  const keepChanges = text(context, 'keep-changes');
  if (keepChanges !== undefined) request.keepChanges = keepChanges;
  const pids = text(context, 'pids');
  if (pids !== undefined) request.pids = /^\d+$/.test(pids) ? Number(pids) : pids;
  const allow = texts(context, 'allow');
  if (allow.length > 0) request.allow = [...allow];
  const ports = texts(context, 'publish');
  if (ports.length > 0) request.ports = [...ports];
  const providers = texts(context, 'provider');
  if (providers.length > 0) request.providers = [...providers];
  const [git, routes] = [texts(context, 'git'), texts(context, 'route')];
  if (git.length > 0) request.git = [...git];
  if (routes.length > 0) request.routes = [...routes];
  const env = variables(context, 'env');
  if (env !== undefined) request.env = env;
  const labels = pairs(texts(context, 'label'), () => '');
  if (labels !== undefined) request.labels = labels;
  return request;
}

/** The request behind the flags, and what the session is to begin with besides the project. Errors: NO_SUCH_SNAPSHOT. */
export async function startOf(
  context: CommandContext,
  app: App,
): Promise<{ readonly request: Record<string, unknown>; readonly origin?: LayerOrigin }> {
  const [snapshot, request] = [text(context, 'snapshot'), requestOf(context)];
  return snapshot === undefined ? { request } : (await sessionCopies(app)).startFrom(snapshot, request);
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
