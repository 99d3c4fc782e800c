/**
 * The holder of a key who is a nuisance, in a process of its own: `URL SECRET refused` and `URL SECRET nobody` send calls as fast as they are answered, 48 at a time, whatever the
 * answer; `URL SECRET busy` runs commands that only take processor time, one after the other. Each `begin` from its parent begins that; `end` ends it, and is
 * answered with how often which answer was had.
 */
const [url = '', secret = '', kind = ''] = process.argv.slice(2);
const atOnce = { refused: 48, nobody: 48, busy: 1 }[kind] ?? 0;
/** Some tenths of a second of one processor. */
const spin = 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done';

let nextId = 0;
let session: string | undefined;

async function post(method: string, params: object): Promise<{ readonly status: number; readonly text: string }> {
  nextId += 1;
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${secret}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(session === undefined ? {} : { 'mcp-session-id': session, 'mcp-protocol-version': '2025-06-18' }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: nextId, method, params }),
  });
  session ??= response.headers.get('mcp-session-id') ?? undefined;
  return { status: response.status, text: await response.text() };
}

const call = (name: string, args: object) => post('tools/call', { name, arguments: args });
const answers = new Map<string, number>();
let isOn = false;

/** Until it is told to end; a server that hangs up is asked again. */
async function work(name: string, args: object): Promise<void> {
  while (isOn) {
    const answer = await call(name, args).then(
      ({ status, text }) => (status !== 200 ? String(status) : text.includes('RATE_LIMITED') ? 'RATE_LIMITED' : 'done'),
      () => 'hung up',
    );
    answers.set(answer, (answers.get(answer) ?? 0) + 1);
  }
}

await post('initialize', {
  ...{ protocolVersion: '2025-06-18', capabilities: {} },
  clientInfo: { name: 'nuisance', version: '0' },
});
let args = {};
if (kind === 'busy') {
  const { text } = await call('create_session', { workspace: 'none' });
  const sessionId = /"sessionId":"(pdk_[a-z2-7]+)"/.exec(text)?.[1];
  if (sessionId === undefined) throw new Error(text);
  args = { sessionId, command: spin };
}
let working: Promise<unknown> = Promise.resolve();
process.on('message', (word) => {
  if (word === 'begin') {
    isOn = true;
    answers.clear();
    const what = kind === 'busy' ? 'execute_command' : 'list_sessions';
    working = Promise.all(Array.from({ length: atOnce }, () => work(what, args)));
    return;
  }
  isOn = false;
  void working.then(() => process.send?.(Object.fromEntries(answers)));
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
