import { ConfigError } from '../../../core/errors.js';
import { upstreamProblem } from '../../../policy/broker/upstream.js';

/** The address of a provider. Throws BAD_CONFIG; the message names the setting and not the value, which may hold a key. */
export function upstreamUrl(text: string, setting: string): URL {
  const problem = upstreamProblem(text);
  if (problem === undefined) return new URL(text);
  throw new ConfigError('BAD_CONFIG', `${setting} ${problem}`, { info: { setting } });
}
