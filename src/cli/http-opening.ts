import { PaddockError } from '../core/errors.js';
import { takeActivation } from '../mcp/http/activation.js';
import { type Opening, parseEndpoint } from '../mcp/http/endpoint.js';
import { type CliOptions, type CommandContext, text } from './command.js';
import { duration } from './commands/key-wish.js';

export const openingOptions = {
  http: {
    type: 'string',
    help: 'ADDRESS:PORT, unix:PATH or activation: MCP over HTTP for the holders of keys, instead of stdio (docs/http.md)',
  },
  'idle-exit': {
    type: 'string',
    help: 'with --http activation: end when nobody has used it for so long, such as 10m (default: never)',
  },
} as const satisfies CliOptions;

const activation = 'activation';

export interface HttpOpening {
  readonly opening: Opening;
  readonly idleExitMs: number | undefined;
}

/** Where to listen, and for how long without anybody. Takes a socket that was handed over out of `env`. Errors: BAD_ARGUMENT, BAD_CONFIG. */
export function openingOf(
  context: CommandContext,
  address: string,
  env: Record<string, string | undefined>,
  pid: number,
): HttpOpening {
  const idleExitMs = duration(context, 'idle-exit');
  if (address === activation) return { opening: takeActivation(env, pid), idleExitMs };
  if (text(context, 'idle-exit') !== undefined) {
    throw new PaddockError('BAD_ARGUMENT', '--idle-exit goes with --http activation: else nothing starts it again');
  }
  return { opening: parseEndpoint(address), idleExitMs };
}
