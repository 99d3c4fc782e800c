import { Client } from 'undici';
import type { Clock } from './clock.js';
import { isDoneWithin } from './done-within.js';
import { codeOf } from './error-code.js';

export interface Post {
  /** In words that give nothing away: in the URL there may be a token. */
  readonly to: string;
  readonly url: string;
  readonly body: string;
  /** Of each attempt anew. */
  readonly headers: () => Readonly<Record<string, string>>;
  /** Whether what such a status says may pass. */
  readonly mayPass: (status: number) => boolean;
  /** One attempt, all of it. */
  readonly attemptMs: number;
  /** Before the second attempt, the third … */
  readonly pausesMs: readonly number[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * POSTs a body, again where it failed for a reason that may pass. Redirects are not followed, and nothing of an answer is read but its status. Returns
 * why it did not get there; undefined: it did. Never throws.
 */
export async function postPatiently(post: Post): Promise<string | undefined> {
  const { pausesMs, clock, signal } = post;
  for (const pauseMs of pausesMs) {
    const { why, mayPass } = await attempt(post);
    if (why === undefined || mayPass !== true) return why;
    await clock.sleep(pauseMs, signal).catch(() => undefined);
    if (signal.aborted) return why;
  }
  return (await attempt(post)).why;
}

async function attempt(post: Post): Promise<{ readonly why?: string; readonly mayPass?: boolean }> {
  const { to, url: text, body, headers, mayPass, attemptMs, signal } = post;
  const url = new URL(text);
  // A connection for each: days may lie between two of them.
  const client = new Client(url.origin, { connect: { timeout: attemptMs }, maxHeaderSize: 16 * 1024 });
  try {
    const { statusCode, body: answer } = await client.request({
      ...{ method: 'POST', path: `${url.pathname}${url.search}`, body, headers: headers() },
      signal: AbortSignal.any([signal, AbortSignal.timeout(attemptMs)]),
    });
    answer.on('error', () => undefined).destroy();
    if (statusCode >= 200 && statusCode < 300) return {};
    return { why: `${to} answered with status ${statusCode}`, mayPass: mayPass(statusCode) };
  } catch (error) {
    // Its message may have the address in it.
    return { why: `${to} could not be reached (${codeOf(error) ?? 'no answer in time'})`, mayPass: true };
  } finally {
    await client.destroy();
  }
}

/** Waits for what is being sent, as the process ends; so long at most. */
export async function farewell(sending: Promise<void> | undefined, ms: number, clock: Clock): Promise<void> {
  await isDoneWithin(sending, ms, clock);
}
