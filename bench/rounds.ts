import { randomBytes } from 'node:crypto';
import { channelTarget } from '../src/sandbox/body/input.js';
import type { Session } from '../src/session/session.js';
import type { Sessions } from '../src/session/sessions.js';
import type { BareEngine } from './bare.js';
import { quiet } from './quiet.js';
import { type Samples, timed } from './statistics.js';
import type { Watch } from './watched-engine.js';

export interface Bench {
  readonly sessions: Sessions;
  readonly bare: BareEngine;
  readonly watch: Watch;
}

export interface Results {
  readonly create: Samples;
  readonly exec: Samples;
  readonly destroy: Samples;
  readonly together: Samples;
}

export function noResults(): Results {
  const none = (): Samples => ({ paddock: [], bare: [] });
  return { create: none(), exec: none(), destroy: none(), together: none() };
}

const togetherCount = 8;
const argv = ['/usr/bin/true'];
const request = { workspace: 'none', lifetime: '10m', memory: '256m' } as const;

/** One sandbox of each kind; who goes first changes from round to round, since the second finds warmer caches. */
export async function singleRound(bench: Bench, results: Results, isOursFirst: boolean): Promise<void> {
  const both = [() => ours(bench, results), () => theirs(bench, results)];
  for (const run of isOursFirst ? both : both.reverse()) {
    await quiet();
    await run();
  }
}

async function ours({ sessions }: Bench, results: Results): Promise<void> {
  const session = await timed(results.create.paddock, () => sessions.create(request));
  await timed(results.exec.paddock, () => execute(session));
  await timed(results.destroy.paddock, () => sessions.destroy(session.id));
}

async function execute(session: Session): Promise<void> {
  const options = { timeoutMs: 30_000, outputCapBytes: 65_536, outputLimitBytes: 1_048_576 };
  const entry = await session.start({ argv, ...options });
  const result = await entry.command.result;
  await entry.settled;
  if (result.exitCode !== 0) throw new Error(`true ended with ${result.exitCode}`);
}

async function theirs({ bare, watch }: Bench, results: Results): Promise<void> {
  const id = await timed(results.create.bare, () => bare.create(...freshContainer(watch)));
  const exitCode = await timed(results.exec.bare, () => bare.exec(id, argv));
  if (exitCode !== 0) throw new Error(`true ended with ${exitCode}`);
  await timed(results.destroy.bare, () => bare.remove(id));
}

/** Eight at once: until the last of them is ready. */
export async function togetherRound(bench: Bench, results: Results, isOursFirst: boolean): Promise<void> {
  const eight = <T>(make: () => Promise<T>) => Promise.all(Array.from({ length: togetherCount }, make));
  const paddock = async () => {
    const made = await timed(results.together.paddock, () => eight(() => bench.sessions.create(request)));
    await Promise.all(made.map((session) => bench.sessions.destroy(session.id)));
  };
  const bare = async () => {
    const made = await timed(results.together.bare, () =>
      eight(() => bench.bare.create(...freshContainer(bench.watch))),
    );
    await Promise.all(made.map((id) => bench.bare.remove(id)));
  };
  for (const run of isOursFirst ? [paddock, bare] : [bare, paddock]) {
    await quiet();
    await run();
  }
}

/**
 * Paddock's own request under another name: without our labels, so that no prune ever meets it as a decoy, and without
 * the channel, whose pipes are gone.
 */
export function freshContainer({ body }: Watch): [string, Readonly<Record<string, unknown>>] {
  if (body === undefined) throw new Error('Paddock has created nothing yet');
  const labelKey = 'Labels' in body ? 'Labels' : 'labels';
  const plain = withoutChannel(body) as Record<string, unknown>;
  return [`bench-${randomBytes(6).toString('hex')}`, { ...plain, [labelKey]: {} }];
}

function withoutChannel(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => !isOfChannel(item)).map(withoutChannel);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withoutChannel(member)]));
}

function isOfChannel(item: unknown): boolean {
  if (item === '--channel' || item === 'fifo') return true;
  if (typeof item !== 'object' || item === null) return false;
  return Reflect.get(item, 'destination') === channelTarget || Reflect.get(item, 'Target') === channelTarget;
}
