import { lookup } from 'node:dns/promises';
import type { Clock } from '../kit/clock.js';
import { codeOf } from '../kit/error-code.js';
import { type Address, readAddress } from '../policy/egress/address.js';
import { OutsideFailure } from './failure.js';
import { timeUp, within } from './within.js';

/** Texts of addresses; rejects where the name has none. */
export type Lookup = (name: string) => Promise<readonly string[]>;

/** As the host's own programs resolve: hosts file, search order, everything. */
export const systemLookup: Lookup = async (name) => {
  const answers = await lookup(name, { all: true, order: 'verbatim' });
  return answers.map(({ address }) => address);
};

/** The system's resolver takes one of four threads that files of the whole process are read by; names that never answer may not take them all. */
const mostAtOnce = 2;
const mostAnswers = 64;

/** Resolves names of one session, the same name once at a time. */
export class Resolver {
  readonly #lookup: Lookup;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #underWay = new Map<string, Promise<readonly string[]>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: { readonly lookup: Lookup; readonly timeoutMs: number; readonly clock: Clock }) {
    this.#lookup = options.lookup;
    this.#timeoutMs = options.timeoutMs;
    this.#clock = options.clock;
  }

  /** At least one address, each of which has yet to be judged. OutsideFailure; an AbortError when the signal fires. */
  async resolve(name: string, signal: AbortSignal): Promise<readonly Address[]> {
    const answers = await within(this.#shared(name), this.#timeoutMs, this.#clock, signal);
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

  #shared(name: string): Promise<readonly string[]> {
    const running = this.#underWay.get(name);
    if (running !== undefined) return running;
    const started = this.#inTurn(name).finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, started);
    // Everybody who waited for it may be gone by then.
    started.catch(() => undefined);
    return started;
  }

  async #inTurn(name: string): Promise<readonly string[]> {
    if (this.#running >= mostAtOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await this.#lookup(name);
    } catch (error) {
      throw new OutsideFailure('unresolved', `${name} can't be resolved (${codeOf(error) ?? 'unknown'})`);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
