import { spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { SessionError, toPaddockError } from '../core/errors.js';
import type { SessionId } from '../core/ids.js';
import { systemClock } from '../kit/clock.js';
import { ask, HolderGone } from '../session/control/client.js';
import { connectTo } from '../session/control/socket.js';
import { endedIdle } from '../session/ended.js';
import { hasEnded, isUnseen } from '../session/has-ended.js';
import type { SessionRecord } from '../session/record.js';
import type { App } from './app.js';
import type { CommandContext } from './command.js';
import { settingOptions } from './settings.js';

const patienceMs = 15_000;
/** A take-over waits for process 1, which may have much to do. */
const takeOverMs = 40_000;
/** An attached sandbox ends by itself when its holder goes. */
const lastBreathMs = 3000;
const maxLogBytes = 64 * 1024;

/**
 * A connection to the process that holds a session: the server that made it or, for a detached one, the keeper, which is
 * started when nobody holds it. Undefined where no one needs to: its commands go through the engine. Errors: SESSION_ENDED,
 * SESSION_NOT_YOURS, CHANNEL_UNAVAILABLE, and the keeper's own.
 */
export async function holderOf(app: App, record: SessionRecord, context: CommandContext): Promise<Socket | undefined> {
  const until = systemClock.monotonic() + patienceMs;
  for (;;) {
    const held = await presentHolder(app, record);
    if (held !== undefined) return held;
    await refuseUnusable(app, record);
    if ((record.commandPath ?? 'exec') === 'exec') return undefined;
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(takeOverMs)]);
    try {
      await ask(await keeper(app, context), { say: 'hold', sessionId: record.id }, signal);
      // Held, and yet nobody answers at the next look: its socket's name may have been taken away.
      if (systemClock.monotonic() > until) throw new SessionError('CHANNEL_UNAVAILABLE', 'its holder can’t be reached');
      await systemClock.sleep(5, context.signal);
    } catch (thrown) {
      // A keeper that was just leaving, or whoever is just letting the session go.
      const isPassing = thrown instanceof HolderGone || toPaddockError(thrown).code === 'SESSION_NOT_YOURS';
      if (!isPassing || context.signal.aborted || systemClock.monotonic() > until) throw thrown;
      await systemClock.sleep(50, context.signal);
    }
  }
}

/** The same, when somebody holds it already. */
export function presentHolder(app: App, record: SessionRecord): Promise<Socket | undefined> {
  return connectTo(app.store.controlPath(record.id as SessionId));
}

/** What it means for a session, and for a command in it, that its holder went away in the midst. */
export async function afterLoss(record: SessionRecord, lost: HolderGone): Promise<SessionError> {
  // One that can't be seen is a server's in a container, and ends with that.
  const isRunning = () => record.container !== undefined && !isUnseen(record) && !hasEnded(record);
  const until = systemClock.monotonic() + (record.kind === 'attached' ? lastBreathMs : 0);
  while (isRunning() && systemClock.monotonic() < until) await systemClock.sleep(50);
  if (!isRunning()) {
    const message = 'the session ended while the command ran: the process that held it is gone';
    return new SessionError('SESSION_ENDED', message, { cause: lost });
  }
  return new SessionError('CHANNEL_UNAVAILABLE', 'the process that held the session is gone; the command runs on', {
    hint: `The next \`paddock exec ${record.id}\` takes the session over; \`paddock logs ${record.id}\` then has what the command prints.`,
    cause: lost,
  });
}

async function refuseUnusable(app: App, record: SessionRecord): Promise<void> {
  const { id, container, kind, owner } = record;
  if (container === undefined && (await app.isAlive(owner))) {
    throw new SessionError('SESSION_NOT_YOURS', `session ${id} is still being made by process ${owner.pid}`);
  }
  if (record.endedBecause === 'idle') throw endedIdle(id, record.spec.idleTimeoutMs);
  if (container === undefined || hasEnded(record)) {
    throw new SessionError('SESSION_ENDED', `session ${id} has ended`);
  }
  if (kind === 'detached') return;
  const how = (await app.isAlive(owner)) ? 'does not answer' : 'is gone';
  throw new SessionError('SESSION_NOT_YOURS', `process ${owner.pid}, which holds the session, ${how}`);
}

async function keeper(app: App, context: CommandContext): Promise<Socket> {
  const path = app.store.keeperPath;
  const present = await connectTo(path);
  if (present !== undefined) return present;
  await startKeeper(app, context);
  const until = systemClock.monotonic() + patienceMs;
  while (systemClock.monotonic() < until) {
    const socket = await connectTo(path);
    if (socket !== undefined) return socket;
    await systemClock.sleep(20, context.signal);
  }
  throw new SessionError('CHANNEL_UNAVAILABLE', `the keeper did not start; ${keeperLog(app)} says why`);
}

function keeperLog(app: App): string {
  return join(app.config.stateDir, 'keeper.log');
}

/** A process of its own, which outlives us and writes to a log of its own. */
async function startKeeper(app: App, context: CommandContext): Promise<void> {
  const { stateDir, runtimeDir, auditLogPath } = app.config;
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  await mkdir(runtimeDir, { recursive: true, mode: 0o700 });
  // Its folders by name: relative ones would lead elsewhere from where it runs, and a forgotten one is found by them.
  const folders = { 'state-dir': stateDir, 'runtime-dir': runtimeDir, 'audit-log': auditLogPath };
  const given = Object.keys(settingOptions).flatMap((name) => {
    const value = context.values[name];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  const flags = Object.entries({ ...Object.fromEntries(given), ...folders }).map(
    ([name, value]) => `--${name}=${value}`,
  );
  const [program = ''] = process.argv.slice(1);
  const log = await openLog(keeperLog(app));
  try {
    const child = spawn(process.execPath, [...process.execArgv, program, 'keep', ...flags], {
      cwd: '/',
      detached: true,
      stdio: ['ignore', 'ignore', log],
    });
    child.on('error', () => undefined);
    child.unref();
  } finally {
    closeSync(log);
  }
}

/** Appended to: of two keepers that start at once, one only says that it is not needed. */
async function openLog(path: string): Promise<number> {
  const size = await stat(path).then(
    (status) => status.size,
    () => 0,
  );
  if (size > maxLogBytes) await rm(path, { force: true });
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
  return openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
}
