// The tour of scripts/quickstart: a real MCP client starts the built server on stdio, as a desktop assistant would, and
// works on this repository in a sandbox. It says what it does, and fails when anything is not as it says.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

const project = resolve(import.meta.dirname, '..');
const main = resolve(project, 'dist/cli/main.js');
// A sandbox shows the machine's /usr, and the project where it works: a Node of the project's own is there too.
const node = process.execPath.startsWith(`${project}/`) ? `./${relative(project, process.execPath)}` : 'node';
const unitTest = 'test/unit/core/units.test.ts';

const say = (text = '') => process.stdout.write(`${text}\n`);
let step = 0;
function title(text) {
  step += 1;
  say(`\n${step}. ${text}`);
}

const firstText = (result) => result.content?.find(({ type }) => type === 'text')?.text ?? '(it said nothing)';

async function call(client, name, args) {
  const result = await client.callTool({ name, arguments: args }, undefined, { timeout: 120_000 });
  if (result.isError) throw new Error(`${name}: ${firstText(result)}`);
  return result.structuredContent;
}

/** Runs a command in the sandbox to its end, however many calls that takes: one call waits 45 s at most. */
async function execute(client, sessionId, request) {
  say(`   $ ${request.command ?? request.argv.join(' ')}`);
  let result = await call(client, 'execute_command', { sessionId, ...request });
  while (result.state === 'running') {
    result = await call(client, 'get_command', { sessionId, commandId: result.commandId });
  }
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}`.trimEnd();
  for (const line of output.split('\n').slice(-12)) say(`   | ${line}`);
  if (result.exitCode !== 0) throw new Error(`it exited ${result.exitCode} (${result.reason})`);
  return output;
}

function printControls(controls) {
  const columns = ['id', 'asked', 'engine', 'kernel', 'status'];
  const rows = [columns, ...controls.map((control) => columns.map((column) => cell(control[column])))];
  const widths = columns.map((_, index) => Math.max(...rows.map((row) => row[index].length)));
  for (const row of rows) say(`   ${row.map((text, index) => text.padEnd(widths[index])).join('  ')}`.trimEnd());
}

function cell(value) {
  const text = value === undefined || value === null ? '-' : typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 34 ? `${text.slice(0, 33)}…` : text;
}

async function tour(client) {
  title('Open a session: this repository, in a rootless container without a network.');
  const { sessionId, workspace } = await call(client, 'create_session', { projectPath: project, keepChanges: false });
  say(`   session ${sessionId}, workspace ${workspace}: what it writes stays beside the repository`);

  title('Run a command in it. The Node it runs is this machine’s own, shown read-only.');
  const version = await execute(client, sessionId, { argv: [node, '--version'] });
  if (!version.includes(process.version)) throw new Error(`the sandbox runs another Node than ${process.version}`);

  title('Run one of this project’s unit tests in it.');
  const shell = `PADDOCK_VITE_CACHE=/tmp/vite ${node} node_modules/vitest/vitest.mjs run --configLoader runner --project unit ${unitTest}`;
  const tested = await execute(client, sessionId, { command: shell });
  if (!/\d+ passed/.test(tested)) throw new Error('the test run does not say that a test passed');

  title('Let it write, and look what it has changed. The repository itself stays as it is.');
  await execute(client, sessionId, { command: 'echo "by the sandbox" >quickstart.txt' });
  const { summary } = await call(client, 'review_changes', { sessionId });
  say(`   ${summary.counts.total} change, to be applied or discarded`);
  if (summary.counts.added !== 1 || existsSync(join(project, 'quickstart.txt')))
    throw new Error('one change beside the repository was expected');

  title(
    'What keeps it in: what was asked for, what the engine says, and what the kernel says of the running container.',
  );
  const { enforcement } = await call(client, 'get_session', { sessionId });
  printControls(enforcement.controls);
  const weak = enforcement.controls.filter(({ status }) => status !== 'enforced');
  if (weak.length > 0)
    say(`   Not enforced on this machine: ${weak.map(({ id }) => id).join(', ')}. \`paddock doctor\` says why.`);

  title('List the sessions, destroy this one, and list again.');
  const before = await call(client, 'list_sessions', {});
  say(`   ${before.sessions.length} session`);
  await call(client, 'destroy_session', { sessionId });
  const after = await call(client, 'list_sessions', {});
  say(`   ${after.sessions.length} sessions`);
  if (before.sessions.length !== 1 || after.sessions.length !== 0)
    throw new Error('1 and then 0 sessions were expected');
}

const started = Date.now();
const client = new Client({ name: 'paddock-quickstart', version: '0.1.0' });
const environment = Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== undefined));
let failure;
try {
  title('Start the server on stdio, as an MCP client does: paddock serve');
  await client.connect(
    new StdioClientTransport({
      ...{ command: process.execPath, args: [main, 'serve'], cwd: project },
      ...{ env: { ...environment, PADDOCK_LOG_LEVEL: 'warn' }, stderr: 'inherit' },
    }),
  );
  const { tools } = await client.listTools();
  say(`   it offers ${tools.map(({ name }) => name).join(', ')}`);
  await tour(client);
} catch (error) {
  failure = error;
} finally {
  await client.close();
}

if (failure === undefined) {
  title('Check the audit log that it wrote: paddock audit verify');
  const verify = spawnSync(process.execPath, [main, 'audit', 'verify'], { encoding: 'utf8' });
  say(`   ${`${verify.stdout}${verify.stderr}`.trim().replaceAll('\n', '\n   ')}`);
  if (verify.status !== 0) failure = new Error(`audit verify exited ${verify.status}`);
}
say(
  failure
    ? `\nFailed: ${failure.message}`
    : `\nDone in ${Math.round((Date.now() - started) / 1000)} s. Nothing was left behind.`,
);
process.exitCode = failure ? 1 : 0;
