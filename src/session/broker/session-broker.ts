import type { AuditRecorder } from '../../audit/audit-log.js';
import type { EgressRefusal } from '../../core/egress.js';
import { type ErrorCode, SandboxError, toPaddockError } from '../../core/errors.js';
import type { SessionId } from '../../core/ids.js';
import { placeholderKey } from '../../core/providers.js';
import type { BrokerRules } from '../../core/site-policy.js';
import { type Broker, brokerPort, openBroker } from '../../egress/broker/broker.js';
import type { BrokerUsage } from '../../egress/broker/ledger.js';
import type { BrokerRoute } from '../../egress/broker/types.js';
import type { Clock } from '../../kit/clock.js';
import { Disposables } from '../../kit/disposables.js';
import type { Denials } from '../../monitor/alarms/denials.js';
import { type BrokerWish, decideWish } from '../../policy/broker/decide.js';
import { settle, toPolicyDenied } from '../../policy/verdict.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import type { SessionEgress } from '../egress/session-egress.js';
import { brokerRoutes } from './broker-routes.js';
import { BrokerTold } from './broker-told.js';
import { bedrockRegion, type KeySources } from './provider-routes.js';
import { SpentFile } from './spent-file.js';
import type { GivenKeys } from './take-keys.js';
import { brokeredHostsOf, isEmptyWish, missingFrom, partsOf } from './wish.js';

/** The credential broker of one session, at 127.0.0.1:61200 inside, as long as this process holds it. */
export interface SessionBroker {
  /** Base URLs inside, by the id of the route: `anthropic`, `git:github.com`, the name of one of the site's own. */
  readonly places: Readonly<Record<string, string>>;
  /** What stands for a key inside. */
  readonly placeholderKey: string;
  usage(): BrokerUsage;
  /** What was refused at that time (milliseconds since the epoch) or later, as far as it is among the newest hundred. */
  refusedSince(atMs: number): readonly EgressRefusal[];
}

export interface BrokerParts {
  readonly id: SessionId;
  readonly audit: AuditRecorder;
  readonly clock: Clock;
  readonly rules: BrokerRules;
  readonly sources: KeySources;
  /** Of `create_session`; gone with the process that made the session. */
  readonly given: GivenKeys;
  /** Where it is kept what a session has used up that outlives its holders; absent: it ends with this process. */
  readonly spentPath?: string | undefined;
  /** Counts what is refused, for the alarm; absent where nothing is watched. */
  readonly denials?: Pick<Denials, 'add'> | undefined;
}

/** No key, no region, or not any more by policy. */
const notToBeHad: readonly ErrorCode[] = ['BAD_ARGUMENT', 'BAD_CONFIG', 'POLICY_DENIED'];

/** Errors: CHANNEL_UNAVAILABLE. */
export function brokerWithoutChannel(): SandboxError {
  const message = 'the credential broker needs the channel, and here commands go through the engine';
  return new SandboxError('CHANNEL_UNAVAILABLE', message, {
    hint: 'Leave out `channel = "exec"` (PADDOCK_CHANNEL, --channel), or give no keys.',
  });
}

/**
 * Opens the broker of one session when it is first asked for, and adds routes to it. The session disposes it. Keys are in this process
 * only, held as secrets.
 */
export class SessionBrokers implements AsyncDisposable {
  readonly given: GivenKeys;
  readonly #parts: BrokerParts;
  readonly #sandbox: Pick<Sandbox, 'listen'>;
  readonly #egress: Pick<SessionEgress, 'reserve'> | undefined;
  readonly #told: BrokerTold;
  readonly #open = new Disposables();
  #broker: Broker | undefined;
  #region: string | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    parts: BrokerParts,
    sandbox: Pick<Sandbox, 'listen'>,
    egress: Pick<SessionEgress, 'reserve'> | undefined,
  ) {
    this.given = parts.given;
    this.#parts = parts;
    this.#sandbox = sandbox;
    this.#egress = egress;
    this.#told = new BrokerTold(parts);
  }

  /** Undefined until one has been opened. */
  get current(): SessionBroker | undefined {
    const broker = this.#broker;
    if (broker === undefined) return undefined;
    return {
      places: broker.places,
      placeholderKey,
      usage: () => broker.usage(),
      refusedSince: (atMs) => this.#told.refusals().filter((one) => one.atMs >= atMs),
    };
  }

  /** In which Bedrock is called: that of its route as soon as there is one, whatever AWS's settings say since. Undefined where nothing says. Errors: BAD_CONFIG. */
  async region(): Promise<string | undefined> {
    return this.#region ?? (await bedrockRegion(this.#parts));
  }

  /**
   * A broker with the routes of this wish, besides those it has. `routes`: those of `brokerRoutes`, where that has been asked already.
   * Errors: POLICY_DENIED (broker.provider, broker.git, broker.route), BAD_ARGUMENT (no key), BAD_CONFIG, CHANNEL_UNAVAILABLE, SESSION_ENDED,
   * AUDIT_UNWRITABLE.
   */
  async ensure(wish: BrokerWish, routes?: readonly BrokerRoute[]): Promise<SessionBroker> {
    // One after the other: of two at once both would listen.
    const opening = this.#last.then(() => this.#ensure(wish, routes));
    this.#last = opening.catch(() => undefined);
    return opening;
  }

  /**
   * Opens what a session had under another process, as far as this one has keys for it: those of its arguments went with that process.
   * Errors: those of `ensure` that are about the sandbox.
   */
  async reopen(wish: BrokerWish): Promise<void> {
    if (this.#sandbox.listen === undefined) return;
    for (const part of partsOf(wish)) {
      await this.ensure(part).catch((error: unknown) => {
        if (!notToBeHad.includes(toPaddockError(error).code)) throw error;
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    await this.#open[Symbol.asyncDispose]();
    await this.#told.over(this.#broker?.usage());
  }

  async #ensure(asked: BrokerWish, ready?: readonly BrokerRoute[]): Promise<SessionBroker> {
    const { rules, audit, id } = this.#parts;
    const wish = settle(() => decideWish(asked, rules));
    if ('verdict' in wish) throw toPolicyDenied(wish);
    const { listen } = this.#sandbox;
    if (listen === undefined) throw brokerWithoutChannel();
    const missing = missingFrom(wish, this.#broker?.places ?? {});
    const routes = ready ?? (await brokerRoutes(missing, this.#parts));
    if (!isEmptyWish(missing)) {
      await audit.event('broker.open', { session: id, verdict: 'allow', details: this.#told.opened(missing) });
    }
    // First: at no time a host is reached both ways.
    this.#egress?.reserve(brokeredHostsOf(missing, rules, routes));
    const guarded = routes.map((route) => this.#told.guarded(route));
    if (this.#broker === undefined) await this.#begin(listen, guarded);
    else this.#broker.add(guarded);
    this.#region ??= routes.find(({ region }) => region !== undefined)?.region;
    return this.current as SessionBroker;
  }

  async #begin(listen: NonNullable<Sandbox['listen']>, routes: readonly BrokerRoute[]): Promise<void> {
    const { rules, clock, spentPath } = this.#parts;
    const { requests, tokens, costCents, bytes } = rules;
    await using opening = new Disposables();
    const spending = spentPath === undefined ? undefined : new SpentFile(spentPath, bytes);
    opening.defer(() => spending?.[Symbol.dispose]());
    const broker = opening.use(
      openBroker({
        ...{ routes, clock, spending },
        caps: {
          bytes,
          ...(requests !== undefined && { requests }),
          ...(tokens !== undefined && { tokens }),
          ...(costCents !== undefined && { costUsd: costCents / 100 }),
        },
        onUse: (use) => this.#told.used(use),
        onRefusal: (refusal) => this.#told.refused(refusal),
      }),
    );
    const listener = await listen(brokerPort, (connection) => broker.accept(connection));
    opening.defer(() => listener[Symbol.dispose]());
    this.#open.use(opening.move());
    this.#broker = broker;
  }
}
