import { readdirSync, readFileSync, statSync } from 'node:fs';
import { builtInit } from '../test/engine/support/stage.js';
import { type CommandBench, overMcp } from './commands.js';

export interface Weight {
  readonly initBytesOnDisk: number;
  readonly initRssKib: number;
  /** What the server grew by per session that it held, over this many. */
  readonly serverKibPerSession: number;
  readonly idleSessions: number;
  /** Over 1,000 commands, after 200. */
  readonly serverGrowthKib: number;
  readonly serverGrowthFds: number;
}

const idleSessions = 6;

export async function weigh({ session, client, clientSession }: CommandBench): Promise<Weight> {
  const commands = async (count: number) => {
    for (let i = 0; i < count; i += 1) await overMcp(client, clientSession);
  };
  await commands(200);
  const before = await rested(client.pid);
  await commands(1000);
  const after = await rested(client.pid);
  const made: string[] = [];
  for (let i = 0; i < idleSessions; i += 1) {
    const sessionId = await client.create({ workspace: 'none', lifetime: '10m', memory: '256m' });
    await overMcp(client, sessionId);
    made.push(sessionId);
  }
  const full = await rested(client.pid);
  for (const sessionId of made) await client.call('destroy_session', { sessionId });
  return {
    initBytesOnDisk: statSync(builtInit).size,
    initRssKib: rssKib(session.sandbox.handle.initPid),
    serverKibPerSession: Math.round((full.rssKib - after.rssKib) / idleSessions),
    idleSessions,
    serverGrowthKib: after.rssKib - before.rssKib,
    serverGrowthFds: after.fds - before.fds,
  };
}

async function rested(pid: number): Promise<{ rssKib: number; fds: number }> {
  await new Promise((resolve) => setTimeout(resolve, 500));
  return { rssKib: rssKib(pid), fds: readdirSync(`/proc/${pid}/fd`).length };
}

function rssKib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN);
}
