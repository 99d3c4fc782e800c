import { PaddockError } from '../core/errors.js';
import { type ChannelOptions, openChannel } from './channel.js';
import { reopenFifoLink } from './fifo-link.js';
import type { Channel } from './types.js';

/** Both are in docs/channel.md: process 1 looks for a holder every quarter of a second. */
const answerWithinMs = 2000;
const awayForMs = 500;

/**
 * Opens the channel of a detached sandbox whose holder is gone. When the end of that one has gone unseen, because this
 * one came too quickly, there is no answer: the pipes are closed for a moment then, and opened again, until
 * `helloTimeoutMs` are over. Throws as `reopenFifoLink` (SESSION_ENDED: process 1 is gone) and `openChannel` do.
 */
export async function takeOverChannel(hostFolder: string, options: ChannelOptions): Promise<Channel> {
  const { clock, helloTimeoutMs = 30_000, signal } = options;
  const until = clock.monotonic() + helloTimeoutMs;
  for (;;) {
    const link = await reopenFifoLink(hostFolder);
    try {
      const leftMs = Math.max(0, until - clock.monotonic());
      return await openChannel(link, { ...options, helloTimeoutMs: Math.min(answerWithinMs, leftMs) });
    } catch (error) {
      const isSilence = error instanceof PaddockError && error.code === 'CHANNEL_UNAVAILABLE';
      if (!isSilence || clock.monotonic() + awayForMs >= until) throw error;
    }
    await clock.sleep(awayForMs, signal);
  }
}
