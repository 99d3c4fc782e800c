import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { EngineIdentity } from '../src/engine/types.js';
import { newCommandId } from '../src/kit/random-id.js';
import type { Session } from '../src/session/session.js';
import type { McpClient } from '../test/e2e/support/client.js';
import type { BareEngine } from './bare.js';
import { quiet } from './quiet.js';
import { timed } from './statistics.js';

/** One running sandbox of each kind, and a client of the built server. */
export interface CommandBench {
  readonly identity: EngineIdentity;
  readonly session: Session;
  readonly bare: BareEngine;
  readonly bareId: string;
  readonly client: McpClient;
  readonly clientSession: string;
}

/** `get_session` runs nothing: what an MCP call takes by itself. */
export type Way = 'sandbox' | 'session' | 'execute_command' | 'get_session' | 'rest' | 'cli';
export type Ways = Partial<Record<Way, number[]>>;

const argv = ['/usr/bin/true'];
const run = promisify(execFile);
export const limits = { timeoutMs: 120_000, outputCapBytes: 65_536, outputLimitBytes: 2 ** 32 };

const ways: Readonly<Record<Way, (bench: CommandBench) => Promise<unknown>>> = {
  sandbox: ({ session }) => inSandbox(session),
  session: ({ session }) => inSession(session),
  execute_command: ({ client, clientSession }) => overMcp(client, clientSession),
  get_session: ({ client, clientSession }) => client.call('get_session', { sessionId: clientSession }),
  rest: async ({ bare, bareId }) => succeeded(await bare.exec(bareId, argv)),
  cli: ({ identity, bareId }) => byCli(identity, bareId),
};

const perBlock = 10;

/** `true` in every way in turn, ten at a time; who begins changes from round to round. A way that is not there is left out. */
export async function commandRounds(bench: CommandBench, commands: number): Promise<Ways> {
  const names = await usable(bench);
  const samples: Ways = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round * perBlock < commands; round += 1) {
    for (let i = 0; i < names.length; i += 1) {
      const name = names[(round + i) % names.length] ?? 'sandbox';
      await quiet();
      for (let n = 0; n < perBlock; n += 1) await timed(samples[name] ?? [], () => ways[name](bench));
    }
  }
  return samples;
}

/** Warms every way up, too. */
async function usable(bench: CommandBench): Promise<Way[]> {
  // Until V8 has compiled what it runs: a server lives long, and its first commands are not what is measured.
  const ours = ['sandbox', 'session', 'execute_command', 'get_session'] as const;
  for (const way of ours) {
    for (let i = 0; i < 300; i += 1) await ways[way](bench);
  }
  await ways.rest(bench);
  const hasCli = await ways.cli(bench).then(
    () => true,
    (error: unknown) => {
      console.error(`left out: the engine's own exec command: ${String(error).split('\n', 1)[0]}`);
      return false;
    },
  );
  return [...ours, 'rest', ...(hasCli ? (['cli'] as const) : [])];
}

/** `commands` of them, `together` at once; milliseconds until all have ended. */
export async function burst(bench: CommandBench, way: Way, commands: number, together: number): Promise<number> {
  await quiet();
  const times: number[] = [];
  let left = commands;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      await ways[way](bench);
    }
  };
  await timed(times, () => Promise.all(Array.from({ length: together }, worker)));
  return times[0] ?? Number.NaN;
}

async function inSandbox(session: Session): Promise<void> {
  const command = await session.sandbox.start(newCommandId(), { argv, ...limits });
  const { exitCode, ...how } = await command.result;
  succeeded(exitCode, JSON.stringify({ ...how, because: session.sandbox.endedBecause }));
}

async function inSession(session: Session): Promise<void> {
  const entry = await session.start({ argv, ...limits });
  await entry.settled;
  const { exitCode, ...how } = await entry.command.result;
  succeeded(exitCode, JSON.stringify({ ...how, because: session.sandbox.endedBecause }));
}

export async function overMcp(client: McpClient, sessionId: string, more: object = {}): Promise<void> {
  const answer = await client.call('execute_command', { sessionId, argv, ...more });
  succeeded(answer.structured['exitCode'], answer.text);
}

async function byCli({ kind, socketPath }: EngineIdentity, id: string): Promise<void> {
  if (kind === 'podman') await run('podman', ['exec', id, ...argv]);
  else await run('docker', ['--host', `unix://${socketPath}`, 'exec', id, ...argv]);
}

function succeeded(exitCode: unknown, text = ''): void {
  if (exitCode !== 0) throw new Error(`true ended with ${String(exitCode)} ${text}`);
}
