import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../kit/clock.js';
import type { Carried } from './carried.js';
import { Delivery } from './delivery.js';
import type { Ledger } from './ledger.js';
import type { BrokerLimits } from './limits.js';
import type { Match } from './match.js';
import { bounded, type HeldBodies, readJson, writeJson } from './read-body.js';
import { passedHeaders } from './request-headers.js';
import { encodePath, encodeQuery } from './request-target.js';
import { BrokerRefused } from './rules.js';
import type { Authenticated, ModelCall, Outgoing, TokenCounts } from './types.js';
import type { Upstreams } from './upstreams.js';
import { reckoned } from './usage/reckon.js';
import { Watchdog } from './watchdog.js';

/** What went to a provider, for the audit log and for whoever watches; it holds no key and nothing of a body. */
export interface BrokerUse {
  readonly atMs: number;
  readonly route: string;
  readonly method: string;
  readonly path: string;
  /** Something there is to be changed. */
  readonly isWrite: boolean;
  readonly model?: string;
  /** The key's fingerprint. */
  readonly key: string;
  /** Of the answer; 0: there was none. */
  readonly status: number;
  readonly tokens?: TokenCounts;
  /** The tokens were reckoned from the bytes. */
  readonly isReckoned: boolean;
  /** US dollars; absent where that is not known. */
  readonly costUsd?: number;
  readonly requestBytes: number;
  readonly answerBytes: number;
  readonly durationMs: number;
}

export interface ExchangeHost {
  readonly upstreams: Upstreams;
  readonly ledger: Ledger;
  readonly carried: Carried;
  readonly limits: BrokerLimits;
  readonly held: HeldBodies;
  readonly clock: Clock;
  readonly onUse: (use: BrokerUse) => void;
}

interface Prepared {
  readonly call: ModelCall | undefined;
  readonly body: Buffer | undefined;
  readonly bytes: number;
}

/**
 * One request from inside, to its provider and back. Throws BrokerRefused as long as nothing was answered; later what fails ends the
 * connection. Nothing of it is left when it resolves or rejects.
 */
export async function exchange(
  host: ExchangeHost,
  match: Match,
  request: IncomingMessage,
  response: ServerResponse,
  over: AbortSignal,
): Promise<void> {
  const { route, endpoint } = match;
  host.carried.refuseSpent();
  const prepared = await prepare(host, match, request, response);
  let reserved: Disposable | undefined;
  try {
    reserved = host.ledger.admit({
      usesTokens: endpoint.newTally !== undefined,
      model: prepared.call?.model,
      isListPriced: prepared.call?.isListPriced ?? true,
      most: reckoned(undefined, prepared.bytes, 0, prepared.call?.mostOutput),
    });
    const outgoing: Outgoing = {
      method: endpoint.method,
      url: upstreamUrl(match),
      headers: passedHeaders(request, route.headers),
      body: prepared.body,
    };
    const authenticated = await route.authenticate(outgoing, over);
    await send(host, { match, prepared, outgoing, authenticated }, request, response, over);
  } finally {
    reserved?.[Symbol.dispose]();
    host.held.bytes -= prepared.bytes;
  }
}

/** Reads and judges what has to be looked into, before anybody outside hears of it. */
async function prepare(
  host: ExchangeHost,
  { route, endpoint, segments }: Match,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Prepared> {
  if (request.headers.expect !== undefined) response.writeContinue();
  if (typeof endpoint.body === 'string') return { call: undefined, body: undefined, bytes: 0 };
  const slow = new Watchdog(() => request.destroy());
  slow.set(host.limits.bodyMs);
  try {
    const { body, bytes } = await readJson(request, host.limits, host.held);
    try {
      const call = endpoint.body(body, segments);
      const refused = call.serverTools.find(({ name }) => !route.serverTools.includes(name));
      if (refused !== undefined) throw serverToolRefused(route.id, refused.name, refused.where);
      host.carried.take(bytes);
      return { call, body: writeJson(call.body), bytes };
    } catch (error) {
      host.held.bytes -= bytes;
      throw error;
    }
  } finally {
    slow.stop();
  }
}

function serverToolRefused(route: string, name: string, where: string): BrokerRefused {
  return new BrokerRefused('broker.server-tool', `${name} (${where})`, {
    hint: `Leave it out of the request, or have "${name}" added to serverTools of ${route} in Paddock's settings.`,
  });
}

function upstreamUrl({ route, segments, query }: Match): URL {
  const url = new URL(route.upstream);
  url.pathname = `${url.pathname.replace(/\/$/, '')}${encodePath(segments, route.colons ?? 'clear')}`;
  url.search = encodeQuery(query);
  return url;
}

interface Sent {
  readonly match: Match;
  readonly prepared: Prepared;
  readonly outgoing: Outgoing;
  readonly authenticated: Authenticated;
}

async function send(
  host: ExchangeHost,
  sent: Sent,
  request: IncomingMessage,
  response: ServerResponse,
  over: AbortSignal,
): Promise<void> {
  const { match, prepared, outgoing, authenticated } = sent;
  const started = host.clock.monotonic();
  const delivery = new Delivery(outgoing, authenticated, match.endpoint, {
    requestBytes: prepared.bytes,
    mostOutput: prepared.call?.mostOutput ?? 0,
  });
  let requestBytes = prepared.bytes;
  const onBytes = (count: number) => {
    requestBytes += count;
    host.carried.take(count);
  };
  const streamed = match.endpoint.body === 'stream' ? bounded(host.limits.streamBytes, onBytes) : undefined;
  try {
    await delivery.run({ host, request, response, over, streamed, ca: match.route.ca });
  } finally {
    const { counts, isReckoned } = delivery.usage();
    const [model, key] = [prepared.call?.model, authenticated.fingerprint];
    const isListPriced = prepared.call?.isListPriced ?? true;
    const { answerBytes } = delivery;
    const settled = { counts, isReckoned, isListPriced, bytes: requestBytes + answerBytes };
    const costUsd = host.ledger.settle({ route: match.route.id, model, key, ...settled });
    host.onUse({
      atMs: host.clock.now(),
      ...{ route: match.route.id, method: outgoing.method, path: `/${match.segments.join('/')}`, key },
      isWrite: match.endpoint.writes === true,
      ...{ status: delivery.status, isReckoned, requestBytes, answerBytes },
      ...(model === undefined ? {} : { model }),
      ...(counts === undefined ? {} : { tokens: counts }),
      ...(costUsd === undefined ? {} : { costUsd }),
      durationMs: Math.round(host.clock.monotonic() - started),
    });
  }
}
