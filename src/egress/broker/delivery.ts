import type { IncomingMessage, ServerResponse } from 'node:http';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Dispatcher } from 'undici';
import type { Carried } from './carried.js';
import type { BrokerLimits } from './limits.js';
import { passedAnswer } from './response-headers.js';
import { BrokerRefused } from './rules.js';
import { Scrubber } from './scrub.js';
import type { Authenticated, Endpoint, Outgoing, TokenCounts, UsageTally } from './types.js';
import { upstreamFailure } from './upstream-failure.js';
import type { Upstreams } from './upstreams.js';
import { messageReader } from './usage/messages.js';
import { reckoned } from './usage/reckon.js';
import { Watchdog } from './watchdog.js';

/** In what succeeds, shorter keys are left: they are words that an answer may well hold. */
const leastCharsInSuccess = 16;

interface Ends {
  readonly host: { readonly upstreams: Upstreams; readonly limits: BrokerLimits; readonly carried: Carried };
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly over: AbortSignal;
  /** The route's own authorities. */
  readonly ca: string | undefined;
  /** Through which a body goes that is passed on as it comes. */
  readonly streamed: Transform | undefined;
}

/** Carries one request to its provider and the answer back, as it comes: what is not read inside is not read outside. */
export class Delivery {
  readonly #outgoing: Outgoing;
  readonly #authenticated: Authenticated;
  readonly #requestBytes: number;
  readonly #mostOutput: number;
  readonly #tally: UsageTally | undefined;
  /** It was ended from this side, with more of the answer to come. */
  #isLeft = false;
  /** Of the answer; 0 until there is one. */
  status = 0;
  answerBytes = 0;

  constructor(
    outgoing: Outgoing,
    authenticated: Authenticated,
    endpoint: Endpoint,
    size: { readonly requestBytes: number; readonly mostOutput: number },
  ) {
    this.#outgoing = outgoing;
    this.#authenticated = authenticated;
    this.#requestBytes = size.requestBytes;
    this.#mostOutput = size.mostOutput;
    this.#tally = endpoint.newTally?.();
  }

  /** Throws BrokerRefused until the answer has begun; after that the connection inside is ended where something fails. */
  async run(ends: Ends): Promise<void> {
    const stop = new AbortController();
    const slow = new Watchdog(() => stop.abort(new BrokerRefused('broker.upstream-slow', this.#outgoing.url.hostname)));
    const signal = AbortSignal.any([ends.over, stop.signal]);
    try {
      slow.set(ends.host.limits.answerMs);
      const answer = await this.#dispatch(ends, signal);
      slow.set(ends.host.limits.stallMs);
      await this.#giveBack(answer, ends, slow, signal);
    } catch (error) {
      this.#isLeft = signal.aborted || ends.response.destroyed;
      throw upstreamFailure(error, this.#outgoing.url, signal);
    } finally {
      slow.stop();
    }
  }

  /** What was used: as the provider says, or else reckoned from the bytes. A call that failed used nothing. */
  usage(): { readonly counts: TokenCounts | undefined; readonly isReckoned: boolean } {
    if (this.#tally === undefined) return { counts: undefined, isReckoned: false };
    if (this.status !== 0 && (this.status < 200 || this.status > 299)) return { counts: undefined, isReckoned: false };
    const result = this.#tally.result();
    if (result?.isFinal === true) return { counts: result.counts, isReckoned: false };
    const least = this.#isLeft ? this.#mostOutput : 0;
    return { counts: reckoned(result?.counts, this.#requestBytes, this.answerBytes, least), isReckoned: true };
  }

  async #dispatch({ host, request, streamed, ca }: Ends, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { method, url, headers, body } = this.#outgoing;
    const length = request.headers['content-length'];
    if (streamed !== undefined) void pipeline(request, streamed).catch(() => undefined);
    return await host.upstreams.for(url, ca).request({
      method,
      path: `${url.pathname}${url.search}`,
      headers: {
        ...headers,
        ...this.#authenticated.headers,
        ...(streamed === undefined || length === undefined ? {} : { 'content-length': length }),
      },
      body: streamed ?? body ?? null,
      signal,
    });
  }

  async #giveBack(
    answer: Dispatcher.ResponseData,
    { response, host }: Ends,
    slow: Watchdog,
    signal: AbortSignal,
  ): Promise<void> {
    this.status = answer.statusCode;
    const coding = String(answer.headers['content-encoding'] ?? 'identity');
    const problem = problemOf(answer.statusCode, coding, this.#outgoing.url.hostname);
    if (problem !== undefined) {
      answer.body.on('error', () => undefined).destroy();
      throw problem;
    }
    const { secrets } = this.#authenticated;
    response.writeHead(answer.statusCode, passedAnswer(answer.headers, new Scrubber(secrets)));
    // What waits for the first event of a stream should know that there is one.
    response.flushHeaders();
    const isFine = answer.statusCode < 300;
    const struck = isFine ? secrets.filter((one) => one.reveal().length >= leastCharsInSuccess) : secrets;
    const tap = this.#tap(new Scrubber(struck), String(answer.headers['content-type'] ?? ''), (count) => {
      slow.touch();
      host.carried.take(count);
    });
    await pipeline(answer.body, tap, response, { signal });
  }

  /** Looks at what comes by: counts it, reads usage out of a copy, strikes out keys. */
  #tap(scrubber: Scrubber, contentType: string, onBytes: (count: number) => void): Transform {
    const tally = this.#tally;
    const reader = tally === undefined ? undefined : messageReader(contentType, (message) => tally.add(message));
    const orNothing = (bytes: Buffer) => (bytes.length === 0 ? undefined : bytes);
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        this.answerBytes += chunk.length;
        reader?.push(chunk);
        try {
          onBytes(chunk.length);
          done(null, orNothing(scrubber.push(chunk)));
        } catch (error) {
          done(error as Error);
        }
      },
      flush: (done) => {
        reader?.end();
        done(null, orNothing(scrubber.end()));
      },
    });
  }
}

function problemOf(status: number, coding: string, host: string): BrokerRefused | undefined {
  if (status >= 300 && status < 400) return new BrokerRefused('broker.redirect', `${host} answered ${status}`);
  // It was asked not to; nobody here could see what is in it.
  if (coding !== 'identity') return new BrokerRefused('broker.upstream', `${host} sent a compressed answer`);
  return undefined;
}
