/**
 * A program in the place of Claude Code, for images that have Node and nothing else: asks the model once by its own words' place and key, writes what that
 * says to `new.txt`, and tells of it as Claude Code does.
 */
export const claudeStandIn = `#!/usr/bin/env node
const { ANTHROPIC_BASE_URL, ANTHROPIC_API_KEY } = process.env;
const session_id = require('crypto').randomUUID();
const tell = (line) => console.log(JSON.stringify({ session_id, ...line }));
let prompt = '';
process.stdin.on('data', (chunk) => { prompt += chunk; }).on('end', async () => {
  const body = JSON.stringify({ model: 'a-model', max_tokens: 9, messages: [{ role: 'user', content: prompt }] });
  const headers = { 'content-type': 'application/json', 'x-api-key': ANTHROPIC_API_KEY, 'anthropic-version': '2023-06-01' };
  const answer = await fetch(ANTHROPIC_BASE_URL + '/v1/messages', { method: 'POST', headers, body });
  const message = await answer.json();
  const result = answer.ok ? message.content[0].text : JSON.stringify(message);
  require('fs').writeFileSync('new.txt', result + '\\n');
  tell({ type: 'assistant', message: { id: 'msg_1', content: [{ type: 'text', text: result }] } });
  tell({ type: 'result', subtype: 'success', is_error: !answer.ok, result, num_turns: 1 });
});
`;

/** A line for `node -e`: a model on the loopback that knows one key, says `up` when it listens, and answers with the length of what it is asked. */
export function modelStandIn(port: number, key: string): string {
  const message = `{ id: 'msg_1', type: 'message', role: 'assistant', model: 'a-model', content: [{ type: 'text', text }], stop_reason: 'end_turn', usage: { input_tokens: 100, output_tokens: 20 } }`;
  return `require('http').createServer((q, r) => {
  let body = '';
  q.on('data', (chunk) => { body += chunk; }).on('end', () => {
    const text = 'asked ' + JSON.parse(body).messages[0].content;
    r.writeHead(q.headers['x-api-key'] === '${key}' ? 200 : 401, { 'content-type': 'application/json' });
    r.end(JSON.stringify(${message}));
  });
}).listen(${port}, '127.0.0.1', () => console.log('up'))`;
}
