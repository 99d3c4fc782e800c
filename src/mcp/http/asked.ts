import type { IncomingMessage } from 'node:http';
import { z } from 'zod';

const callSchema = z.looseObject({ method: z.literal('tools/call'), params: z.looseObject({ name: z.string() }) });

/** Which tool a message calls; the empty text: none. */
export function toolOf(message: unknown): string {
  const call = callSchema.safeParse(message).data;
  return call?.params.name ?? '';
}

/** The MCP session that a request says it belongs to. */
export function sessionIdOf({ headers }: IncomingMessage): string | undefined {
  const id = headers['mcp-session-id'];
  return Array.isArray(id) ? id[0] : id;
}
