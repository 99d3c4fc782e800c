import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { isInitializeRequest, type JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

/** More than any client's name, and version, has. */
const mostChars = 256;
const mostCapabilityChars = 16_384;

/**
 * A server keeps what a client says of itself as long as the connection lives, as does the SDK: of that only what anybody here asks for goes on, and no megabytes of it.
 * Called before a server is connected to the transport.
 */
export function shortenGreeting(transport: Transport): void {
  const start = transport.start.bind(transport);
  transport.start = () => {
    const receive = transport.onmessage;
    transport.onmessage = (message, extra) => receive?.(shortened(message), extra);
    return start();
  };
}

function shortened(message: JSONRPCMessage): JSONRPCMessage {
  if (!isInitializeRequest(message) || !('method' in message)) return message;
  const { clientInfo, capabilities, protocolVersion } = message.params;
  const params = {
    protocolVersion: short(protocolVersion),
    clientInfo: { name: short(clientInfo.name), version: short(clientInfo.version) },
    capabilities: JSON.stringify(capabilities).length > mostCapabilityChars ? {} : capabilities,
  };
  return { ...message, params };
}

/** A copy: a part of a text keeps all of it in memory. */
function short(text: string): string {
  return Buffer.from(text.slice(0, mostChars)).toString();
}
