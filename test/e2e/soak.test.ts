import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyAudit } from '../../src/audit/verify.js';
import { newSessionId, randomBase32 } from '../../src/kit/random-id.js';
import type { SessionRecord } from '../../src/session/record.js';
import { engineKinds, uniqueName } from '../engine/support/engines.js';
import { type Decoys, standBeside } from './support/decoys.js';
import { keepersOf } from './support/keeper.js';
import { commandsNaming, leftOvers } from './support/left-overs.js';
import { document, paddock, startPaddock } from './support/paddock.js';
import { Place } from './support/place.js';
import { pruneAll } from './support/prune-all.js';
import { RawServer } from './support/raw-server.js';
import { startService } from './support/service.js';
import { planRounds, type Round, type Victim } from './support/soak-plan.js';

/** `scripts/test --soak` wants a hundred. */
const count = Number(process.env['PADDOCK_SOAK_ROUNDS'] ?? 10);
const seed = Number(process.env['PADDOCK_SOAK_SEED'] ?? Date.now() % 1_000_000);
const lifetimeMs = 6000;

describe(`kill -9 at random moments (PADDOCK_SOAK_SEED=${seed})`, () => {
  const decoys = new Map<string, Decoys>();
  beforeAll(async () => {
    for (const kind of engineKinds) decoys.set(kind, await standBeside(kind));
  });
  afterAll(async () => {
    for (const one of decoys.values()) await one[Symbol.asyncDispose]();
  });

  const rounds = planRounds(seed, count, engineKinds).map((round, index) => ({ ...round, index: index + 1 }));
  it.each(rounds)(
    'round $index on $kind: the $victim, $delayMs ms after the beginning of: $activity',
    async (round) => {
      await using place = await Place.make(round.kind);
      const beside = decoys.get(round.kind);
      await using stage = await Stage.open(place, round);
      await (round.activity === 'detached' ? detachedRound(stage, round) : attachedRound(stage, round));
      // Before any other process of ours has looked: what ran in the session has ended with it, or at its deadline.
      await expect.poll(() => commandsNaming(stage.mark), { timeout: 20_000, interval: 100 }).toEqual([]);
      await expect.poll(() => keepersOf(place), { timeout: 10_000, interval: 100 }).toEqual([]);
      await stage.serviceRuns();
      if (beside !== undefined) await forgeRecord(place, beside);
      expect(await pruneAll(place, stage.env)).toMatchObject({ kept: [], pending: [], unreadable: [] });
      expect(await leftOvers(place, [round.kind])).toEqual([]);
      await beside?.expectUntouched();
      expect(await verifyAudit(place.auditLog)).toMatchObject({ ok: true });
    },
  );
});

/** The engine service of a round and what is in it. */
class Stage implements AsyncDisposable {
  readonly mark = uniqueName('soak');
  readonly env: Readonly<Record<string, string>>;
  readonly place: Place;
  readonly #socket: string | undefined;
  #service: ChildProcess | undefined;

  private constructor(place: Place, socket: string | undefined) {
    this.place = place;
    this.#socket = socket;
    this.env = socket === undefined ? {} : { PADDOCK_ENGINE: `unix://${socket}` };
  }

  /** With a Podman service of its own, where that is to be killed: it sees the containers of the other. */
  static async open(place: Place, { victim }: Round): Promise<Stage> {
    if (victim !== 'service') return new Stage(place, undefined);
    await mkdir(join(place.root, 's'));
    const stage = new Stage(place, join(place.root, 's', 'p.sock'));
    await stage.serviceRuns();
    return stage;
  }

  get #isServing(): boolean {
    return this.#service?.exitCode === null && this.#service.signalCode === null;
  }

  /** A command that marks its processes, and leaves its session. */
  get line(): string {
    return `setsid sleep 600 & sleep 600; : ${this.mark}`;
  }

  async serviceRuns(): Promise<void> {
    if (this.#socket === undefined || this.#isServing) return;
    await rm(this.#socket, { force: true });
    this.#service = await startService(this.#socket);
  }

  /** Who is to be killed; none where it has gone by itself. */
  async find(victim: Victim, sessionId: string, holder: () => number | undefined): Promise<readonly number[]> {
    if (victim === 'service') return [this.#service?.pid ?? 0];
    if (victim === 'holder') return [holder() ?? 0];
    const { container, containerName } = await recordOf(this.place, sessionId);
    if (victim === 'init') return [container?.initPid ?? 0];
    const named = commandsNaming(containerName).map(async (pid) => {
      const comm = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
      return comm === 'conmon\n' ? [pid] : [];
    });
    return (await Promise.all(named)).flat();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#service === undefined || !this.#isServing) return;
    this.#service.kill('SIGTERM');
    await once(this.#service, 'exit');
  }
}

async function attachedRound(stage: Stage, { activity, victim, delayMs }: Round): Promise<void> {
  const { place } = stage;
  const server = await RawServer.start(place, stage.env);
  const { sessionId } = await server.use<{ sessionId: string }>('create_session', { workspace: 'none' });
  const victims = await stage.find(victim, sessionId, () => server.child.pid);
  expect(victims.filter((pid) => pid > 1)).not.toEqual([]);
  if (activity === 'create') void server.call('create_session', { workspace: 'none' });
  if (activity !== 'create' && activity !== 'idle') {
    const background = activity === 'background';
    void server.call('execute_command', { sessionId, command: stage.line, background });
    await expect.poll(() => commandsNaming(stage.mark).length, { timeout: 10_000 }).toBeGreaterThan(0);
  }
  if (activity === 'destroy') void server.call('destroy_session', { sessionId });
  await sleep(delayMs);
  killAll(victims);
  // A server that lives must still answer, and end when its client goes.
  if (victim !== 'holder') await server.call('list_sessions', {});
  await server[Symbol.asyncDispose]();
  expect(server.child.signalCode).toBe(victim === 'holder' ? 'SIGKILL' : null);
}

async function detachedRound(stage: Stage, { victim, delayMs }: Round): Promise<void> {
  const { place } = stage;
  const made = await paddock(
    place,
    ['create', '--workspace', 'none', '--lifetime', `${lifetimeMs / 1000}s`, '--json'],
    stage,
  );
  const { sessionId } = document(made) as { sessionId: string };
  const exec = startPaddock(place, ['exec', sessionId, '--', 'sh', '-c', stage.line], stage);
  const left = once(exec, 'exit');
  // The line is there twice: in the command's own and in the client's. On a slow machine the session may have been over before.
  const isUnderWay = () => exec.exitCode !== null || commandsNaming(stage.mark).length > 1;
  await expect.poll(isUnderWay, { timeout: lifetimeMs + 10_000 }).toBe(true);
  const victims = await stage.find(victim, sessionId, () => keepersOf(place)[0]);
  await sleep(delayMs);
  killAll(victims);
  await left;
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids.filter((one) => one > 1)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has gone by itself, as what is being destroyed does.
    }
  }
}

async function recordOf(place: Place, sessionId: string): Promise<SessionRecord> {
  return JSON.parse(await readFile(join(place.stateDir, 'sessions', `${sessionId}.json`), 'utf8')) as SessionRecord;
}

/** A record that anyone of this user could write: it claims a container that is somebody else's. */
async function forgeRecord(place: Place, { containers }: Decoys): Promise<void> {
  const names = (await place.recordFiles()).filter((name) => name.endsWith('.json'));
  const [present] = names;
  if (present === undefined) return;
  const real = await recordOf(place, present.slice(0, -'.json'.length));
  for (const { id, name } of containers) {
    const sessionId = newSessionId();
    const container = real.container && { ...real.container, id };
    const forged = { ...real, id: sessionId, nonce: randomBase32(26), containerName: name, container };
    await writeFile(join(place.stateDir, 'sessions', `${sessionId}.json`), JSON.stringify(forged), { mode: 0o600 });
  }
}
