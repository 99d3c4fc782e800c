import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/load.js';
import { DayFiles } from '../keys/day-file.js';
import { OverallLimits } from '../keys/key-limits.js';
import { KeyRing } from '../keys/key-ring.js';
import { KeyStore } from '../keys/key-store.js';
import { systemClock } from '../kit/clock.js';
import { Disposables } from '../kit/disposables.js';
import { usualBounds } from '../mcp/http/bounds.js';
import { checkExposure, type Endpoint, hostsOf } from '../mcp/http/endpoint.js';
import { listen } from '../mcp/http/listen.js';
import { McpHttp, type McpHttpOptions } from '../mcp/http/mcp-http.js';
import type { Alarm } from '../monitor/alarms/alarm.js';
import { canaryEveryMs, watchCanary } from './canary-here.js';
import { type CommandContext, isSet, texts } from './command.js';
import { bytes, duration, whole } from './commands/key-wish.js';
import { HttpCallers } from './http-callers.js';
import { type Door, doorOf } from './http-door.js';
import { openingOf } from './http-opening.js';
import { IdleExit } from './idle-exit.js';
import { counted } from './metrics-here.js';
import { report } from './output.js';
import { refusalRecorder } from './refusal-recorder.js';
import { endAnyway, openGround, pruneBeside, type ServerGround } from './server-ground.js';
import { doubtsOf, readTls } from './tls-here.js';
import type { TokenCallers } from './token-callers.js';

const sweepEveryMs = 2000;

/** Serves MCP over HTTP until the signal fires: then calls that are at work have a few seconds, and every session ends. */
export async function serveHttp(context: CommandContext, config: Config, address: string): Promise<number> {
  const { opening, idleExitMs } = openingOf(context, address, process.env, process.pid);
  const names = texts(context, 'host-name');
  const tls = await readTls(context);
  const exposure = { hasTls: tls !== undefined, isBehindProxy: isSet(context, 'behind-proxy'), hosts: names };
  if (opening.kind !== 'inherited') checkExposure(opening, exposure);
  const means = {
    overall: overallLimits(context, config),
    canaryMs: canaryEveryMs(context, config.sitePolicy.canaryRequired),
  };
  await using stack = new Disposables();
  const ground = await openGround(context, config, stack, (alarm) => tell(alarm, callers));
  const { log, metrics, held } = ground;
  const { callers, canary } = openCallers(context, ground, means);
  metrics?.look(() => callers.sessions.map(counted));
  const ring = new KeyRing(new KeyStore(join(config.stateDir, 'keys'), systemClock), systemClock);
  const hosts = new Set(hostsOf(opening, names));
  const rules = { hosts, origins: new Set(texts(context, 'origin')) };
  const tokens = await takeTokens(config, hosts, log);
  const onUnreadable = (err: unknown) => log.warn({ err }, 'keys can not be read');
  const door = doorOf({ ring, tokens, keysToo: config.oauth?.keysToo ?? true, callers, onUnreadable });
  const http = held.use(new McpHttp({ rules, ...admittance(door, callers, log), tokens: tokens?.source }));
  const listenerFor = (at: Endpoint) => {
    checkExposure(at, exposure);
    for (const host of hostsOf(at, names)) hosts.add(host);
    return (...pair: Parameters<McpHttp['handle']>) => void http.handle(...pair);
  };
  const listening = held.use(await listen(opening, tls, usualBounds, listenerFor));
  const idle = idleExit(idleExitMs, callers, http);
  // Apart: what keeps quotas from being looked at keeps no key alive.
  held.use(repeated(() => callers.meter(), log));
  held.use(repeated(lookAfter(callers, door, http, idle), log));
  await report(context, { url: listening.url }, `listening on ${listening.url}`);
  log.info({ url: listening.url }, 'listening');
  if (tls !== undefined) for (const doubt of doubtsOf(tls, names, systemClock.now())) log.warn(doubt);
  canary?.start();
  await fired(context.signal, idle, log);
  await drained(listening, { http, callers, log });
  return 0;
}

function lookAfter(callers: HttpCallers, door: Door, http: McpHttp, idle: IdleExit | undefined): () => Promise<void> {
  return async () => {
    await callers.sweep(door.isGood, (gone) => http.sweep((id) => !gone.has(id)));
    await idle?.look();
  };
}

interface CallerMeans {
  readonly overall: OverallLimits;
  readonly canaryMs: number | undefined;
}

/** Whoever is served, and the canary, which begins when it is started. */
function openCallers(context: CommandContext, ground: ServerGround, { overall, canaryMs }: CallerMeans) {
  const { app, held, log, monitoring, tracer } = ground;
  const prepare = () => pruneBeside(ground, context.signal);
  const admit = async (): Promise<void> => canary?.admit();
  const parts = { app, monitoring, env: context.env, log, prepare, overall, tracer, admit };
  const callers = held.use(new HttpCallers(parts));
  const own = () => callers.ownSessions();
  const canary = canaryMs === undefined ? undefined : held.use(watchCanary(ground, canaryMs, own));
  return { callers, canary };
}

function overallLimits(context: CommandContext, { stateDir }: Config): OverallLimits {
  const days = new DayFiles(join(stateDir, 'key-days'));
  days.prune(systemClock.now());
  const [callsPerMinute = 6000, createsPerHour = 600] = [whole(context, 'calls'), whole(context, 'creates')];
  const day = { cpuMsPerDay: duration(context, 'cpu-time'), egressBytesPerDay: bytes(context, 'egress-bytes') };
  return new OverallLimits({ callsPerMinute, createsPerHour, ...day }, days);
}

function idleExit(afterMs: number | undefined, callers: HttpCallers, http: McpHttp): IdleExit | undefined {
  if (afterMs === undefined) return undefined;
  const isBeingUsed = () => http.isInUse || callers.sessions.length > 0;
  return new IdleExit({ clock: systemClock, afterMs, isInUse: () => callers.isInUse(), isBeingUsed });
}

interface Ending {
  readonly http: McpHttp;
  readonly callers: HttpCallers;
  readonly log: Logger;
}

async function drained(listening: { stop(): void }, { http, callers, log }: Ending): Promise<void> {
  listening.stop();
  endAnyway();
  callers.closeOpenings();
  await http.drain();
  log.info('ending every session');
}

/** Nothing of it is loaded where nobody asked for it. */
async function takeTokens(config: Config, hosts: ReadonlySet<string>, log: Logger): Promise<TokenCallers | undefined> {
  if (config.oauth === undefined) return undefined;
  const { tokensHere } = await import('./tokens-here.js');
  const onAway = (err: unknown) => log.warn({ err }, 'tokens can not be checked');
  const warn = (text: string) => log.warn(text);
  return await tokensHere(config, config.oauth, hosts, { clock: systemClock, onAway, warn });
}

/** Who is let in, and what becomes of whoever is not. */
function admittance(door: Door, callers: HttpCallers, log: Logger): Omit<McpHttpOptions, 'rules'> {
  return {
    ...{ bounds: usualBounds, clock: systemClock },
    authenticate: door.admit,
    rate: (id) => callers.rate(id),
    serverFor: (id) => callers.serverFor(id),
    onRefused: refusalRecorder((caller) => callers.auditOf(caller), log),
    onError: (err) => log.warn({ err }, 'a request failed'),
  };
}

/** With the next result of the session that it is about: what is about none, or about others, is nobody's but the operator's. */
function tell(alarm: Alarm, callers: HttpCallers): void {
  for (const session of callers.sessions) if (session.id === alarm.session) session.notices.add(alarm.text);
}

function repeated(run: () => Promise<void>, log: Logger): AsyncDisposable {
  const over = new AbortController();
  const running = (async () => {
    while (!over.signal.aborted) {
      await systemClock.sleep(sweepEveryMs, over.signal).catch(() => undefined);
      await run().catch((err: unknown) => log.warn({ err }, 'could not look after the keys'));
    }
  })();
  return {
    [Symbol.asyncDispose]: async () => {
      over.abort();
      await running;
    },
  };
}

/** Until the server is told to end, or nobody has used it for long. */
async function fired(told: AbortSignal, idle: IdleExit | undefined, log: Logger): Promise<void> {
  const signal = AbortSignal.any([told, ...(idle === undefined ? [] : [idle.signal])]);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  if (!told.aborted) log.info('nobody has used it for long; ending');
}
