import { PaddockError } from '../../core/errors.js';

/** What is opened: in clear, so that it goes when nobody comes for it. */
export interface Openable extends AsyncDisposable {
  /** Whether what it was opened from is there still; absent: it is. */
  readonly isThere?: () => Promise<boolean>;
}

/** One that is being opened, or was and waits for its taker. */
export interface Entry {
  /** Ends its opening, and after that its waiting. */
  readonly stop: AbortController;
  waiting: number;
  /** Somebody was told to ask again. */
  isPromised: boolean;
  isTaken: boolean;
  /** Resolves, never rejects, when `outcome` is set. */
  settled: Promise<void>;
  outcome?: Outcome;
  /** By the monotonic clock; when `outcome` is set. */
  settledMs: number;
}

export type Outcome = { readonly opened: Openable } | { readonly error: unknown };

export function newEntry(): Entry {
  const none = { waiting: 0, isPromised: false, isTaken: false, settledMs: Number.POSITIVE_INFINITY };
  return { stop: new AbortController(), settled: Promise.resolve(), ...none };
}

export function stillOpening(): PaddockError {
  return new PaddockError('LAYER_OPENING', `${what}, and it is still being decrypted`);
}

export function noPlaceYet(atOnce: number): PaddockError {
  return new PaddockError('LAYER_OPENING', `${what}, and ${atOnce} others, the most at once, are decrypted before it`, {
    hint: 'It was not begun: make the same call again in some seconds; it begins once there is a place.',
  });
}

const what = 'what the session has changed is kept encrypted';
