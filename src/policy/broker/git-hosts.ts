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
  const before = Number(environment['GIT_CONFIG_COUNT'] ?? '0');
  const from = Number.isSafeInteger(before) && before >= 0 && before <= mostSettings ? before : 0;
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
