// A client in a process of its own, to be killed: opens a session, starts a command marked with its argument, and waits.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { mainScript } from './place.js';

const mark = process.argv[2] ?? '';
const server = spawn(process.execPath, [mainScript, 'serve'], { stdio: ['pipe', 'pipe', 'ignore'] });
const send = (message: object) => server.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const call = (id: number, name: string, args: object) =>
  send({ id, method: 'tools/call', params: { name, arguments: args } });

createInterface(server.stdout).on('line', (line) => {
  const message = JSON.parse(line) as { id: number; result: { structuredContent: { sessionId: string } } };
  if (message.id === 1) call(2, 'create_session', { workspace: 'none' });
  if (message.id === 2) {
    const { sessionId } = message.result.structuredContent;
    call(3, 'execute_command', { sessionId, command: `sleep 600; : ${mark}` });
  }
});
const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'killed', version: '1' } };
send({ id: 1, method: 'initialize', params });
