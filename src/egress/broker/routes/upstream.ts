import { ConfigError } from '../../../core/errors.js';

const loopback = /^(?:127(?:\.\d{1,3}){3}|localhost|\[::1\])$/;

/**
 * The address of a provider: https, or plain http where it stays on this machine; without user, query or fragment. Throws BAD_CONFIG;
 * the message names the setting and not the value, which may hold a key.
 */
export function upstreamUrl(text: string, setting: string): URL {
  if (!URL.canParse(text)) throw bad(setting, 'is no URL');
  const url = new URL(text);
  const isPlain = url.protocol === 'http:' && loopback.test(url.hostname);
  if (url.protocol !== 'https:' && !isPlain) throw bad(setting, 'must be https (http only for this machine itself)');
  if (url.username !== '' || url.password !== '')
    throw bad(setting, 'holds a user or password, which belong elsewhere');
  if (url.search !== '' || url.hash !== '') throw bad(setting, 'holds a query or a fragment');
  return url;
}

function bad(setting: string, what: string): ConfigError {
  return new ConfigError('BAD_CONFIG', `${setting} ${what}`, { info: { setting } });
}
