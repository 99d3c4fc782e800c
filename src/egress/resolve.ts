import { lookup } from 'node:dns/promises';
import type { Clock } from '../kit/clock.js';
import { deferred } from '../kit/deferred.js';
import { codeOf } from '../kit/error-code.js';
import { type Address, readAddress } from '../policy/egress/address.js';
import { OutsideFailure } from './failure.js';
import type { LookupTurns } from './lookup-turns.js';
import { timeUp, within } from './within.js';

/** Texts of addresses; rejects where the name has none. */
export type Lookup = (name: string) => Promise<readonly string[]>;

/** As the host's own programs resolve: hosts file, search order, everything. */
export const systemLookup: Lookup = async (name) => {
  const answers = await lookup(name, { all: true, order: 'verbatim' });
  return answers.map(({ address }) => address);
};

/** Of one session; a sandbox can make up as many names as it likes. */
const mostWanted = 64;
const mostAnswers = 64;
/** For a turn: as long as a few look-ups of others that never answer. */
const mostWaitMs = 30_000;

/** One look-up for all that want it at the same time. */
interface Shared {
  readonly answers: Promise<readonly string[]>;
  /** Its turn has come. */
  readonly begun: Promise<unknown>;
  readonly unwanted: AbortController;
  wantedBy: number;
}

/** Resolves names of one session, the same name once at a time. */
export class Resolver {
  readonly #lookup: Lookup;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #underWay = new Map<string, Shared>();
  readonly #turns: LookupTurns;
  readonly #over = new AbortController();

  constructor(options: {
    readonly lookup: Lookup;
    /** Of the whole process. */
    readonly turns: LookupTurns;
    readonly timeoutMs: number;
    readonly clock: Clock;
  }) {
    this.#turns = options.turns;
    this.#lookup = options.lookup;
    this.#timeoutMs = options.timeoutMs;
    this.#clock = options.clock;
  }

  /** Nothing more is looked up; what has begun can't be stopped. */
  close(): void {
    this.#over.abort();
  }

  /** At least one address, each of which has yet to be judged. OutsideFailure; an AbortError when the signal fires. */
  async resolve(name: string, signal: AbortSignal): Promise<readonly Address[]> {
    const answers = await this.#answers(name, signal);
    if (answers === timeUp) throw new OutsideFailure('unresolved', `${name} was not resolved in time`);
    const addresses = [...new Set(answers)].map(readAddress);
    if (addresses.length > mostAnswers) throw new OutsideFailure('unresolved', `${name} has too many addresses`);
    const known = addresses.filter((one) => one !== undefined);
    // One with a zone, or what is none: whoever answers so is not to be followed.
    if (known.length < addresses.length)
      throw new OutsideFailure('unresolved', `${name} resolves to what is no address`);
    if (known.length === 0) throw new OutsideFailure('unresolved', `${name} has no address`);
    return known;
  }

  async #answers(name: string, signal: AbortSignal): Promise<readonly string[] | typeof timeUp> {
    signal.throwIfAborted();
    this.#over.signal.throwIfAborted();
    const shared = this.#underWay.get(name) ?? this.#start(name);
    shared.wantedBy += 1;
    try {
      // The time of its own begins with its turn: what others look up is no fault of that name.
      if ((await within(shared.begun, mostWaitMs, this.#clock, signal)) === timeUp) return timeUp;
      return await within(shared.answers, this.#timeoutMs, this.#clock, signal);
    } finally {
      shared.wantedBy -= 1;
      if (shared.wantedBy === 0) shared.unwanted.abort();
    }
  }

  #start(name: string): Shared {
    if (this.#underWay.size >= mostWanted) throw new OutsideFailure('unresolved', 'too many names are being looked up');
    const unwanted = new AbortController();
    const forget = () => {
      if (this.#underWay.get(name) === shared) this.#underWay.delete(name);
    };
    const signal = AbortSignal.any([unwanted.signal, this.#over.signal]);
    // What has begun can't be stopped, and is shared on; one that waits is asked for anew.
    unwanted.signal.addEventListener('abort', forget, { once: true });
    const turn = deferred<undefined>();
    const onTurn = () => {
      unwanted.signal.removeEventListener('abort', forget);
      turn.resolve(undefined);
    };
    const answers = this.#inTurn(name, signal, onTurn).finally(forget);
    const begun = Promise.race([turn.promise, answers]);
    const shared: Shared = { answers, begun, unwanted, wantedBy: 0 };
    this.#underWay.set(name, shared);
    // Everybody who waited for it may be gone by then.
    shared.answers.catch(() => undefined);
    begun.catch(() => undefined);
    return shared;
  }

  async #inTurn(name: string, signal: AbortSignal, onTurn: () => void): Promise<readonly string[]> {
    if (!this.#turns.tryTake(this)) await this.#turns.take(this, signal);
    onTurn();
    try {
      return await this.#lookup(name);
    } catch (error) {
      throw new OutsideFailure('unresolved', `${name} can't be resolved (${codeOf(error) ?? 'unknown'})`);
    } finally {
      this.#turns.giveBack(this);
    }
  }
}
