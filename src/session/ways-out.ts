import type { EgressRefusal } from '../core/egress.js';
import type { ProviderId } from '../core/providers.js';
import { Disposables } from '../kit/disposables.js';
import { brokerWithoutChannel, type SessionBroker, type SessionBrokers } from './broker/session-broker.js';
import { type GivenKeys, noKeys } from './broker/take-keys.js';
import type { SessionEgress } from './egress/session-egress.js';

/** No secrets: how runs on Amazon Bedrock are to be. */
export interface BedrockWishes {
  readonly isAsked: boolean;
  readonly model: string | undefined;
  readonly smallModel: string | undefined;
}

export interface WaysOutParts {
  /** Absent where the session has no allowlist. */
  readonly egress?: SessionEgress | undefined;
  /** Opened or not; absent where commands go by the engine's exec. */
  readonly brokers?: SessionBrokers | undefined;
}

/** By what the programs of a session reach anything outside: the allowlist and the credential broker, both of which it disposes. */
export class WaysOut implements AsyncDisposable {
  readonly egress: SessionEgress | undefined;
  readonly #brokers: SessionBrokers | undefined;
  readonly #held = new Disposables();

  constructor({ egress, brokers }: WaysOutParts) {
    this.egress = egress;
    this.#brokers = brokers;
    if (egress !== undefined) this.#held.use(egress);
    if (brokers !== undefined) this.#held.use(brokers);
  }

  /** Undefined as long as nobody has asked for one. */
  get broker(): SessionBroker | undefined {
    return this.#brokers?.current;
  }

  /** What the broker was given with the request. */
  get keys(): GivenKeys {
    return this.#brokers?.given ?? noKeys;
  }

  /** What `create_session` was told for runs on Amazon Bedrock. */
  get bedrock(): BedrockWishes {
    const { useBedrock = false, bedrockModel, bedrockSmallModel } = this.keys;
    return { isAsked: useBedrock, model: bedrockModel, smallModel: bedrockSmallModel };
  }

  /** That of `SessionBrokers.region`; undefined where the session can have no broker. */
  async bedrockRegion(): Promise<string | undefined> {
    return await this.#brokers?.region();
  }

  /** A broker that has these providers, with the keys of the session or of this process. Errors: those of `SessionBrokers.ensure`. */
  async ensureBroker(providers: readonly ProviderId[]): Promise<SessionBroker> {
    if (this.#brokers === undefined) throw brokerWithoutChannel();
    return this.#brokers.ensure({ providers });
  }

  /** What was refused to its programs at that time (milliseconds since the epoch) or later, on every way out. */
  refusedSince(atMs: number): readonly EgressRefusal[] {
    return [...(this.egress?.refusedSince(atMs) ?? []), ...(this.broker?.refusedSince(atMs) ?? [])];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held[Symbol.asyncDispose]();
  }
}
