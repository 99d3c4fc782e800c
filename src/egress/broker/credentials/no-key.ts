import { BrokerRefused } from '../rules.js';
import type { Authenticate } from '../types.js';

/** For a route whose key nobody gave: it is there, so that who calls learns what is missing instead of that there is no path. */
export function noKey(what: string): Authenticate {
  return () => Promise.reject(new BrokerRefused('broker.key', `no key for ${what} was given to Paddock`));
}
