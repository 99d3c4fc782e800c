import { deny, settle, toPolicyDenied } from './verdict.js';

const mostNamed = 5;

/**
 * Refuses a configuration of MCP servers for an agent that seems to hold secrets. `places`: where, such as `mcpServers.x.env.TOKEN`, and never
 * what is there. Errors: POLICY_DENIED (`agent.mcp-secret`).
 */
export function refuseMcpSecrets(places: readonly string[]): void {
  const denied = settle(() => {
    if (places.length === 0) return undefined;
    const more = places.length > mostNamed ? ` and ${places.length - mostNamed} more` : '';
    deny('agent.mcp-secret', `mcpConfig seems to hold secrets at ${places.slice(0, mostNamed).join(', ')}${more}`);
  });
  if (denied !== undefined) throw toPolicyDenied(denied);
}
