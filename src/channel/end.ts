import { PaddockError } from '../core/errors.js';
import type { byeWhy } from './protocol.js';

/**
 * Why a channel ended.
 * - `stopped`, `deadline`, `unkillable`, `kernel`: what process 1 said with its last frame.
 * - `violation`: one side broke the protocol; the message says which and how.
 * - `killed`: the stream ended without a last word: process 1 was killed (memory, the engine), or the engine let go of it.
 * - `closed`: this side closed it, or its link failed.
 */
export type ChannelEndWhy = 'stopped' | 'deadline' | 'killed' | 'violation' | 'unkillable' | 'kernel' | 'closed';

export interface ChannelEnd {
  readonly why: ChannelEndWhy;
  /** For people, one line, safe to print. */
  readonly message: string;
  /** What was thrown, where something was. */
  readonly cause?: unknown;
}

type ByeName<T> = T extends `BYE_${infer Name}` ? Lowercase<Name> : never;
export type ByeWhy = ByeName<keyof typeof byeWhy>;

/** What those get that still waited for something when the channel ended. */
export function endedError(end: ChannelEnd): PaddockError {
  const code = end.why === 'violation' ? 'CHANNEL_VIOLATION' : 'SESSION_ENDED';
  return new PaddockError(code, `the channel into the sandbox is over: ${end.message}`, {
    info: { why: end.why },
    cause: end.cause,
  });
}
