import { egressPorts } from '../../core/egress.js';
import { parsePattern } from '../egress/rule.js';

const hostForm = /^([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::(\d{1,5}))?$/;
const mostSettings = 1000;

/** Whether a text names one host, in lower case and perhaps with a port, as it stands in URLs of repositories. */
export function isGitHost(text: string): boolean {
  const [, name = '', port] = hostForm.exec(text) ?? [];
  const pattern = parsePattern(name);
  const isOne = typeof pattern !== 'string' && (pattern.kind === 'name' || pattern.kind === 'network');
  return isOne && (port === undefined || (Number(port) >= 1 && Number(port) <= 65_535));
}

/** The host without its port. */
export function nameOfGitHost(host: string): string {
  return host.replace(/:\d+$/, '');
}

/**
 * The environment with the settings that make git go to the broker, in whatever form a remote is written; they change no file. `places`: the
 * base URL inside by the host. Settings that the environment has already stay, with these behind them.
 */
export function withGitSettings(
  environment: Readonly<Record<string, string>>,
  places: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const settings = Object.entries(places).flatMap(([host, place]) => {
    // The port is https's.
    const name = nameOfGitHost(host);
    const urls = [`https://${host}/`, `https://git@${host}/`, `git@${name}:`, `ssh://git@${name}/`];
    return urls.map((url) => [`url.${place}/.insteadOf`, url] as const);
  });
  if (settings.length === 0) return environment;
  const from = countOf(environment);
  const numbered = settings.flatMap(([name, value], index) => [
    [`GIT_CONFIG_KEY_${from + index}`, name],
    [`GIT_CONFIG_VALUE_${from + index}`, value],
  ]);
  return {
    // A refusal is not answered by asking for a password that nobody types.
    GIT_TERMINAL_PROMPT: '0',
    ...environment,
    GIT_CONFIG_COUNT: String(from + settings.length),
    ...(Object.fromEntries(numbered) as Record<string, string>),
  };
}

/** The environment without the settings that `withGitSettings` put behind those it had. */
export function withoutGitSettings(environment: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const all = countOf(environment);
  let own = all;
  while (own > 0 && isOurs(environment[`GIT_CONFIG_KEY_${own - 1}`])) own -= 1;
  if (own === all) return environment;
  const gone = new Set(['GIT_CONFIG_COUNT']);
  for (let n = own; n < all; n += 1) for (const part of ['KEY', 'VALUE']) gone.add(`GIT_CONFIG_${part}_${n}`);
  const kept = Object.fromEntries(Object.entries(environment).filter(([name]) => !gone.has(name)));
  return own === 0 ? kept : { ...kept, GIT_CONFIG_COUNT: String(own) };
}

function countOf(environment: Readonly<Record<string, string>>): number {
  const count = Number(environment['GIT_CONFIG_COUNT'] ?? '0');
  return Number.isSafeInteger(count) && count >= 0 && count <= mostSettings ? count : 0;
}

function isOurs(name: string | undefined): boolean {
  return name?.startsWith(`url.http://127.0.0.1:${egressPorts.broker}/git/`) === true;
}
