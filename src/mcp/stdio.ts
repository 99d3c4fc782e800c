import type { Readable, Writable } from 'node:stream';
import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { CallToolRequestSchema, type JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { safeLine } from '../kit/safe-text.js';
import { LineLimit } from './line-limit.js';
import { boundText, type MessageBounds, usualMessageBounds } from './message-size.js';
import { OpenRequests, reusedId } from './open-requests.js';

/** What a client sent that no tool ever saw, in a few words of ours. */
export type RefusedMessage =
  | 'line-too-long'
  | 'too-many-items'
  | 'names-too-long'
  | 'not-a-message'
  | 'malformed-call'
  | 'reused-id';

const beyond: Readonly<Record<keyof MessageBounds, RefusedMessage>> = {
  bytes: 'line-too-long',
  items: 'too-many-items',
  nameBytes: 'names-too-long',
};

export interface StdioStreams {
  readonly input: Readable;
  readonly output: Writable;
  /** Told of every message that is answered here or by the SDK, with its reason, for the audit log. */
  readonly onRefused: (what: RefusedMessage, why: string) => void;
}

/**
 * Serves on a pair of streams until the input ends, whichever way, or the signal fires. stdout carries nothing but MCP.
 * The SDK's transport does not notice the end of its input, so it is watched here.
 */
export async function serveStdio(server: Server, streams: StdioStreams, signal: AbortSignal): Promise<void> {
  const bounds = usualMessageBounds;
  const limited = new LineLimit(bounds, (what) =>
    refuse(streams, beyond[what], { code: -32600, message: boundText(bounds, what) }),
  );
  const ended = new Promise<void>((resolve) => {
    for (const event of ['end', 'close', 'error'] as const) streams.input.once(event, () => resolve());
    // A client that closed its end of our output is gone as well.
    for (const event of ['close', 'error'] as const) streams.output.once(event, () => resolve());
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const transport = new StdioServerTransport(streams.input.pipe(limited), streams.output, {
    maxBufferSize: 2 * bounds.bytes,
  });
  // Both stay in place beside the server's own: the SDK drops what is no message without an answer.
  transport.onerror = (error) => {
    const isJson = !(error instanceof SyntaxError);
    const message = isJson ? 'not a JSON-RPC 2.0 message' : 'not JSON';
    refuse(streams, 'not-a-message', { code: isJson ? -32600 : -32700, message });
  };
  transport.onmessage = (message) => noteMalformedCall(streams, message);
  new OpenRequests().watch(transport, () => refuse(streams, 'reused-id', { code: -32600, message: reusedId }));
  await server.connect(transport);
  await ended;
}

function refuse(streams: StdioStreams, what: RefusedMessage, error: { code: number; message: string }): void {
  streams.output.write(`${JSON.stringify({ jsonrpc: '2.0', id: null, error })}\n`);
  streams.onRefused(what, error.message);
}

/** The SDK answers calls whose frame is wrong (no name, arguments that are no object) before our handler hears of them. */
function noteMalformedCall(streams: StdioStreams, message: JSONRPCMessage): void {
  if (!('method' in message) || message.method !== 'tools/call') return;
  if (isPlainCall(message.params)) return;
  const { error } = CallToolRequestSchema.safeParse(message);
  const issue = error?.issues[0];
  if (issue !== undefined) streams.onRefused('malformed-call', safeLine(`${issue.path.join('.')}: ${issue.message}`));
}

/** A call whose frame needs no schema to be judged, as nearly all are. */
function isPlainCall({ name, arguments: args, ...rest }: Record<string, unknown> = {}): boolean {
  const isObject = typeof args === 'object' && args !== null && !Array.isArray(args);
  return typeof name === 'string' && (args === undefined || isObject) && Object.keys(rest).length === 0;
}
