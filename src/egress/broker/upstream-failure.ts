import { codeOf } from '../../kit/error-code.js';
import { BrokerRefused } from './rules.js';

/** What went wrong on the way to a provider, for who waits inside. The message has the error's code and none of its text. */
export function upstreamFailure(error: unknown, url: URL, signal: AbortSignal): BrokerRefused {
  if (error instanceof BrokerRefused) return error;
  if (signal.aborted && signal.reason instanceof BrokerRefused) return signal.reason;
  const code = [error, error instanceof Error ? error.cause : undefined].map(codeOf).find((one) => one !== undefined);
  const why = code !== undefined && /^[A-Z0-9_]{1,60}$/.test(code) ? code : 'no reason given';
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return new BrokerRefused('broker.upstream-slow', `${url.hostname} (${why})`);
  return new BrokerRefused('broker.upstream', `${url.hostname} (${why})`, { cause: error });
}
