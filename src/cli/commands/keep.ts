import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../../config/load.js';
import { SessionError } from '../../core/errors.js';
import type { SessionId } from '../../core/ids.js';
import type { Engine } from '../../engine/types.js';
import { systemClock } from '../../kit/clock.js';
import { Disposables } from '../../kit/disposables.js';
import type { Metrics } from '../../metrics/metrics.js';
import type { Monitoring } from '../../monitor/monitoring.js';
import type { Admission } from '../../session/admission.js';
import { claimSession } from '../../session/control/claim-session.js';
import type { ControlOptions } from '../../session/control/control-options.js';
import { serveControl, visitor } from '../../session/control/server.js';
import { ForeignWatch } from '../../session/foreign-watch.js';
import { Keeper } from '../../session/keeper.js';
import type { SessionRecord } from '../../session/record.js';
import type { Session } from '../../session/session.js';
import { updateSession } from '../../session/update.js';
import { watchSession } from '../../session/watch.js';
import type { Tracer } from '../../tracing/tracer.js';
import { App } from '../app.js';
import type { CliCommand, CommandContext } from '../command.js';
import { Hearing } from '../hearing.js';
import { keeperMetrics } from '../keeper-metrics.js';
import { counted } from '../metrics-here.js';
import { newMonitoring } from '../new-monitoring.js';
import { reapWhileOpen } from '../prune-here.js';
import { settingsOf } from '../settings.js';
import { tracingHere } from '../tracing-here.js';
import { adopt, recordOf } from './detached.js';

/** Not for people: `exec` starts it for detached sessions. */
export const keep: CliCommand = {
  name: 'keep',
  usage: 'keep',
  summary: 'holds detached sessions; started by exec when needed',
  isHidden: true,
  options: {},
  async run(context) {
    const config = await settingsOf(context);
    const counting = await keeperMetrics(config);
    await using traces = new Disposables();
    const tracer = await tracingHere(config.tracing, {
      ...{ stack: traces, onSpans: counting?.metrics.onSpans },
      onLost: (why) => void context.terminal.stderr.write(`paddock: warning: traces are lost: ${why}\n`),
    });
    await using apps = new Apps(config, context, counting?.metrics, tracer);
    await using beside = new Disposables();
    beside.use(await reapWhileOpen(apps.usual, () => undefined));
    const path = apps.usual.store.keeperPath;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const keeper = new Keeper({ path, clock: systemClock, adopt: (id, signal) => hold(apps, id, signal) });
    counting?.metrics.look(() => keeper.sessions.map(counted));
    const onFailure = (error: unknown) => apps.warn(`the metrics could not be written: ${String(error)}`);
    await keeper.run(context.signal, counting && (() => counting.write(onFailure)));
    return 0;
  },
};

async function hold(apps: Apps, id: SessionId, signal: AbortSignal): Promise<Session> {
  const record = await recordOf(apps.usual, id);
  if (record.kind !== 'detached') throw new SessionError('SESSION_NOT_YOURS', `${id} is not detached`);
  await using undo = new Disposables();
  // Before the channel is touched: two that read from it would each get half of what it says.
  const claim = undo.use(await claimSession(apps.usual.store, id));
  const app = apps.for(record);
  const monitoring = await apps.monitoring();
  const { denials } = monitoring;
  const session = await adopt(app, record, { signal, denials });
  undo.defer(() => session.letGo());
  const audit = (await app.audit()).forCaller(visitor);
  const { sitePolicy } = app.config;
  const usage = () => monitoring.stateOf(id);
  const foreign = await apps.foreignWatch(app);
  const { tracer } = apps;
  const parts = { store: app.store, audit, clock: systemClock, onDecided: tracer?.decided };
  const changing = { ...parts, policy: app.createContext(), admission: await apps.admission() };
  const update: ControlOptions['update'] = (request, signal) => updateSession(session, request, changing, signal);
  const control = { session, sitePolicy, audit, clock: systemClock, update, usage, denials, trace: tracer?.visits };
  const visitors = await serveControl(claim, control);
  session.openTo(visitors, claim, watchSession(session, { ...parts, monitoring, foreign }));
  undo.move();
  return session;
}

/** One for each engine: a user's sessions may be on several. */
class Apps implements AsyncDisposable {
  readonly usual: App;
  /** Undefined where nothing is traced. */
  readonly tracer: Tracer | undefined;
  readonly #config: Config;
  readonly #env: CommandContext['env'];
  readonly #stderr: CommandContext['terminal']['stderr'];
  readonly #stack = new Disposables();
  readonly #hearing: Hearing;
  readonly #metrics: Metrics | undefined;
  readonly #byEndpoint = new Map<string, App>();
  readonly #foreign = new Map<Engine, ForeignWatch>();
  #monitoring: Promise<Monitoring> | undefined;
  #admission: Promise<Admission> | undefined;

  constructor(
    config: Config,
    { env, terminal }: CommandContext,
    metrics: Metrics | undefined,
    tracer: Tracer | undefined,
  ) {
    this.#hearing = new Hearing(metrics?.heardApp);
    if (tracer !== undefined) this.#hearing.listen(tracer.heard);
    this.tracer = tracer;
    this.#metrics = metrics;
    this.#config = config;
    this.#env = env;
    this.#stderr = terminal.stderr;
    this.usual = this.#stack.use(new App(config, env, { heard: this.#hearing }));
  }

  /** For the sessions on every engine. */
  monitoring(): Promise<Monitoring> {
    this.#monitoring ??= this.#newMonitoring();
    return this.#monitoring;
  }

  async #newMonitoring(): Promise<Monitoring> {
    const [config, env, audit] = [this.#config, this.#env, await this.usual.audit()];
    const heard = { heard: this.#metrics?.heard, onAlert: this.#metrics?.onAlert };
    const warn = (text: string) => this.warn(text);
    return newMonitoring({ config, audit, env, warn, held: this.#stack, hearing: this.#hearing, ...heard });
  }

  warn(text: string): void {
    this.#stderr.write(`paddock: warning: ${text}\n`);
  }

  /** One for all: the sums are the user's. */
  admission(): Promise<Admission> {
    this.#admission ??= this.usual.admission();
    return this.#admission;
  }

  /** One for each engine. */
  async foreignWatch(app: App): Promise<ForeignWatch> {
    const [engine, { alarms }] = await Promise.all([app.engine(), this.monitoring()]);
    const watch =
      this.#foreign.get(engine) ?? new ForeignWatch({ engine, store: app.store, clock: systemClock, alarms });
    this.#foreign.set(engine, watch);
    return watch;
  }

  for({ engine: { socketPath, startedByUs } }: SessionRecord): App {
    // The socket of a service that its maker started went with the maker; any other of this user shows the same containers.
    if (startedByUs) return this.usual;
    const endpoint = `unix://${socketPath}`;
    let app = this.#byEndpoint.get(endpoint);
    if (app === undefined) {
      const means = { siblings: this.usual.siblings, heard: this.#hearing };
      app = this.#stack.use(new App({ ...this.#config, engine: endpoint }, this.#env, means));
      this.#byEndpoint.set(endpoint, app);
    }
    return app;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}
