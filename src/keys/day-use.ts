import type { KeyQuota } from '../core/api-key.js';
import { PaddockError } from '../core/errors.js';
import type { Clock } from '../kit/clock.js';
import { type DayFile, type DayNumbers, dayMs } from './day-file.js';
import { limited } from './limited.js';

export type DayQuota = Pick<KeyQuota, 'cpuMsPerDay' | 'egressBytesPerDay'>;

export interface Used {
  readonly cpuMs: number;
  readonly egressBytes: number;
}

/** What is used up of a day's worth; the day begins with the first use in it. */
interface Budget {
  readonly what: string;
  readonly most: number;
  used: number;
  /** Epoch milliseconds. */
  untilMs: number;
}

/** Processor time and traffic of sessions within a day; where there is no quota of one, it is not counted. Refusals are QUOTA_EXCEEDED with `info.retryAfterMs`. */
export class DayUse {
  readonly #whose: string;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #cpu: Budget | undefined;
  readonly #egress: Budget | undefined;
  readonly #file: DayFile | undefined;
  /** Whether all of it stands in the file. */
  #isKept: boolean;

  /** `whose`: as in "of this key". `file`: where the day goes on after a restart; absent: nowhere. */
  constructor(whose: string, { cpuMsPerDay, egressBytesPerDay }: DayQuota, clock: Pick<Clock, 'now'>, file?: DayFile) {
    this.#whose = whose;
    this.#clock = clock;
    this.#cpu = budgetOf('processor time', cpuMsPerDay);
    this.#egress = budgetOf('bytes to and from outside', egressBytesPerDay);
    this.#file = this.#budgets.length === 0 ? undefined : file;
    this.#isKept = this.#file !== undefined;
    if (this.#file !== undefined) this.#restore(this.#file);
  }

  /** Whether there is anything that counts. */
  get isCounting(): boolean {
    return this.#budgets.some((budget) => this.#isOn(budget));
  }

  /** Whether anything counts that would be forgotten with this process. */
  get wouldForget(): boolean {
    return this.isCounting && !this.#isKept;
  }

  /** Adds to what was used. */
  use({ cpuMs, egressBytes }: Used): void {
    this.#add(this.#cpu, cpuMs);
    this.#add(this.#egress, egressBytes);
    if (cpuMs <= 0 && egressBytes <= 0) return;
    this.#keep();
  }

  /** Whether all of it stands in the file now. */
  #keep(): boolean {
    const [cpu, egress] = [this.#cpu, this.#egress];
    const numbers: DayNumbers = [cpu?.used ?? 0, cpu?.untilMs ?? 0, egress?.used ?? 0, egress?.untilMs ?? 0];
    this.#isKept = this.#file?.write(numbers) ?? false;
    return this.#isKept;
  }

  /** Undefined: there is something left of everything. */
  get refusal(): PaddockError | undefined {
    const spent = this.#budgets.find((budget) => this.#isOn(budget) && budget.used >= budget.most);
    if (spent === undefined) return undefined;
    const waitMs = spent.untilMs - this.#clock.now();
    return limited(`the ${spent.what} ${this.#whose} for a day are used up`, waitMs, 'QUOTA_EXCEEDED');
  }

  /** Throws where what was used could not be kept, and still can't: the next server would know nothing of it. Errors: STATE_UNWRITABLE. */
  refuseUnkept(): void {
    if (this.#file === undefined || this.#isKept || this.#keep()) return;
    throw new PaddockError('STATE_UNWRITABLE', `what is used ${this.#whose} in a day can't be written down`);
  }

  /** What is there and can't be read counts as everything; a clock that was set back makes no day longer. */
  #restore(file: DayFile): void {
    const all = Number.MAX_SAFE_INTEGER;
    const everything: DayNumbers = [all, all, all, all];
    const [cpuMs, cpuUntilMs, egressBytes, egressUntilMs] = file.read() ?? everything;
    const latestMs = this.#clock.now() + dayMs;
    for (const [budget, used, untilMs] of [
      [this.#cpu, cpuMs, cpuUntilMs],
      [this.#egress, egressBytes, egressUntilMs],
    ] as const) {
      if (budget !== undefined) Object.assign(budget, { used, untilMs: Math.min(untilMs, latestMs) });
    }
    // Or each server that begins would count a day anew.
    if (Math.max(cpuUntilMs, egressUntilMs) > latestMs) this.#keep();
  }

  get #budgets(): readonly Budget[] {
    return [this.#cpu, this.#egress].filter((budget) => budget !== undefined);
  }

  #isOn(budget: Budget): boolean {
    // No day is longer than one, whatever the clock was when it began.
    budget.untilMs = Math.min(budget.untilMs, this.#clock.now() + dayMs);
    return budget.used > 0 && this.#clock.now() < budget.untilMs;
  }

  #add(budget: Budget | undefined, amount: number): void {
    if (budget === undefined || amount <= 0) return;
    if (!this.#isOn(budget)) {
      budget.used = 0;
      budget.untilMs = this.#clock.now() + dayMs;
    }
    budget.used += amount;
  }
}

function budgetOf(what: string, most: number | undefined): Budget | undefined {
  return most === undefined ? undefined : { what, most, used: 0, untilMs: 0 };
}
