import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { KeyQuota } from '../core/api-key.js';
import { PaddockError } from '../core/errors.js';
import { systemClock } from '../kit/clock.js';
import type { DayFile, DayFiles } from './day-file.js';
import { type DayQuota, DayUse, type Used } from './day-use.js';
import { limited } from './limited.js';

const minute = 60;
const hour = 3600;
const callsAtOnce = 32;
/** Requests that are no calls cost little, but not nothing. */
const requestsPerCall = 4;
/** More than any proxy asks whether the server is there, or clients begin without a key to be told where to get a token. */
const strangersPerMinute = 240;

/** For all keys together. */
export interface OverallRates extends DayQuota {
  readonly callsPerMinute: number;
  readonly createsPerHour: number;
}

/** What all keys share. One object for a server. */
export class OverallLimits {
  readonly calls: RateLimiterMemory;
  readonly creates: RateLimiterMemory;
  readonly day: DayUse;
  readonly #quota: DayQuota;
  readonly #strangers = new RateLimiterMemory({ points: strangersPerMinute, duration: minute });

  /** Those of each key; absent: they end with the server. */
  readonly days: DayFiles | undefined;

  constructor({ callsPerMinute, createsPerHour, ...quota }: OverallRates, days?: DayFiles) {
    this.days = days;
    this.#quota = quota;
    this.day = new DayUse('of all keys', quota, systemClock, days?.of('all'));
    this.calls = new RateLimiterMemory({ points: callsPerMinute, duration: minute });
    this.creates = new RateLimiterMemory({ points: createsPerHour, duration: hour });
  }

  /** Counts a request of which nobody knows whose it is; milliseconds until the next one where there were too many. */
  async stranger(): Promise<number | undefined> {
    return await take(this.#strangers);
  }

  /** Of what all have a limit of a day and who has that quota has not, or a higher one: they can use up the day of all. By the names of the flags. */
  allFor(quota: DayQuota): readonly string[] {
    const flags = [
      ['--cpu-time', quota.cpuMsPerDay, this.#quota.cpuMsPerDay],
      ['--egress-bytes', quota.egressBytesPerDay, this.#quota.egressBytesPerDay],
    ] as const;
    return flags.flatMap(([flag, own = Number.POSITIVE_INFINITY, all]) =>
      all !== undefined && own >= all ? [flag] : [],
    );
  }

  /** Whether anything counts that would be forgotten with this process. */
  async wouldForget(): Promise<boolean> {
    return this.day.wouldForget || (await hasAny([this.calls, this.creates]));
  }
}

/**
 * How much the holder of one key may take, and has taken, since the server began; of a day's worth (`day`) also before. Its own limits come first: who is beyond them takes nothing from
 * what all share. Errors: RATE_LIMITED, QUOTA_EXCEEDED, each with `info.retryAfterMs`.
 */
export class KeyLimits {
  readonly #overall: OverallLimits;
  readonly #quota: KeyQuota;
  readonly #requests: RateLimiterMemory;
  readonly #calls: RateLimiterMemory;
  readonly #creates: RateLimiterMemory;
  readonly #day: DayUse;
  #atWork = 0;
  #beingMade = 0;

  constructor(quota: KeyQuota, overall: OverallLimits, day?: DayFile) {
    this.#overall = overall;
    this.#quota = quota;
    this.#requests = new RateLimiterMemory({ points: requestsPerCall * quota.callsPerMinute, duration: minute });
    this.#calls = new RateLimiterMemory({ points: quota.callsPerMinute, duration: minute });
    this.#creates = new RateLimiterMemory({ points: quota.createsPerHour, duration: hour });
    this.#day = new DayUse('of this key', quota, systemClock, day);
  }

  /** One request of whatever kind; what is returned says after how long there may be another, if there may be none now. */
  async request(): Promise<number | undefined> {
    return await take(this.#requests);
  }

  /** One call of a tool, until what is returned is called. */
  async call(): Promise<() => void> {
    if (this.#atWork >= callsAtOnce)
      throw limited(`${callsAtOnce} calls of this key are at work, the most at once`, 1000);
    this.#atWork += 1;
    const release = () => {
      this.#atWork -= 1;
    };
    try {
      const { callsPerMinute } = this.#quota;
      await refuseBeyond(this.#calls, `${callsPerMinute} calls a minute are the limit of this key`);
      await refuseBeyond(this.#overall.calls, 'the server takes no more calls for now');
      return release;
    } catch (error) {
      release();
      throw error;
    }
  }

  /**
   * One session that is to be made while the key has `open` others, of which the first has to end in `soonestEndMs`; it counts among these once what
   * is returned is called. Errors: also LIMIT_REACHED.
   */
  async create(open: number, soonestEndMs?: number): Promise<() => void> {
    const { sessions, createsPerHour } = this.#quota;
    if (open + this.#beingMade >= sessions) {
      const message = `${sessions} sessions of this key are open, which is its limit`;
      const retryAfterMs = soonestEndMs === undefined ? {} : { retryAfterMs: Math.max(1, Math.ceil(soonestEndMs)) };
      throw new PaddockError('LIMIT_REACHED', message, { info: { ruleId: 'key.sessions', ...retryAfterMs } });
    }
    // Before anything is waited for: of two at once both would find the same room.
    this.#beingMade += 1;
    const release = () => {
      this.#beingMade -= 1;
    };
    try {
      await refuseBeyond(this.#creates, `${createsPerHour} sessions an hour are the limit of this key`);
      await refuseBeyond(this.#overall.creates, 'the server makes no more sessions for now');
      return release;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** More memory or processors for a session that runs. It tells whether there is room, as making one does, and counts like that. */
  async grow(): Promise<void> {
    const { createsPerHour } = this.#quota;
    const most = `${createsPerHour} sessions an hour are the limit of this key, and giving one more memory or CPUs counts like making one`;
    await refuseBeyond(this.#creates, most);
    await refuseBeyond(this.#overall.creates, 'the server makes no more sessions for now, and lets none grow');
  }

  /** Adds to what sessions have used, for the key and for all of them. */
  use(used: Used): void {
    this.#day.use(used);
    this.#overall.day.use(used);
  }

  /** Whether there is anything that counts. */
  async isCounting(): Promise<boolean> {
    return this.#day.isCounting || (await this.#hasRates());
  }

  /** Whether anything counts that would be forgotten with this process. */
  async wouldForget(): Promise<boolean> {
    return this.#day.wouldForget || (await this.#hasRates());
  }

  #hasRates(): Promise<boolean> {
    return hasAny([this.#requests, this.#calls, this.#creates]);
  }

  /** Why nothing may be done that would use more of something that is used up; undefined: it may. */
  get refusal(): PaddockError | undefined {
    return this.#day.refusal ?? this.#overall.day.refusal;
  }

  /** The same for who goes on only where there is none. */
  refuseWork(): void {
    const { refusal } = this;
    if (refusal !== undefined) throw refusal;
  }

  /** Refuses what would use more while that can't be kept; what is at work goes on, and counts. Errors: STATE_UNWRITABLE. */
  refuseUnkept(): void {
    this.#day.refuseUnkept();
    this.#overall.day.refuseUnkept();
  }
}

async function hasAny(limiters: readonly RateLimiterMemory[]): Promise<boolean> {
  const counts = await Promise.all(limiters.map((limiter) => limiter.get('')));
  return counts.some((count) => count !== null && count.msBeforeNext > 0);
}

async function refuseBeyond(limiter: RateLimiterMemory, message: string): Promise<void> {
  const waitMs = await take(limiter);
  if (waitMs !== undefined) throw limited(message, waitMs);
}

/** Takes one; where there is none left, the milliseconds until there is. */
async function take(limiter: RateLimiterMemory): Promise<number | undefined> {
  try {
    await limiter.consume('');
    return undefined;
  } catch (error) {
    if (error instanceof RateLimiterRes) return error.msBeforeNext;
    throw error;
  }
}
