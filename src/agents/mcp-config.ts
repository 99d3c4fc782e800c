import { z } from 'zod';

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'letters, digits, - and _, at most 64');
const text = z.string().max(8192);
const address = text.pipe(z.url());
const pairs = z.record(text, text);

const local = z.strictObject({
  type: z.literal('stdio').optional(),
  command: text.min(1),
  args: z.array(text).max(100).optional(),
  env: pairs.optional(),
});
const remote = z.strictObject({ type: z.enum(['http', 'sse']), url: address, headers: pairs.optional() });

/** Characters of all of it, as JSON. */
const mostChars = 256 * 1024;

/** MCP servers for an agent, in the shape that `.mcp.json` files have: `{ mcpServers: { NAME: … } }`. */
export const mcpConfigSchema = z
  .strictObject({ mcpServers: z.record(name, z.union([local, remote])) })
  .refine((config) => JSON.stringify(config).length <= mostChars, `at most ${mostChars} characters of JSON`);

export type McpConfig = z.infer<typeof mcpConfigSchema>;
export type McpServer = McpConfig['mcpServers'][string];

export function isLocal(server: McpServer): server is z.infer<typeof local> {
  return 'command' in server;
}
