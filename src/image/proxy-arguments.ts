import { PaddockError } from '../core/errors.js';

// Those that both builders hand to every step without the container file naming them, and keep out of the image.
const names = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy', 'all_proxy'] as const;

/**
 * Build arguments for a step that uses the network: the user's proxies. One with a password in it is refused, since the base's
 * programs could read it, and write it into the image. Throws BAD_CONFIG.
 */
export function proxyArguments(env: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const given = names.flatMap((name) => {
    const value = env[name] ?? env[name.toUpperCase()];
    return value === undefined || value === '' ? [] : [[name, value] as const];
  });
  for (const [name, value] of given) {
    // With or without a scheme: curl takes `user:password@host:port` as well. A list of hosts holds no `@`.
    if (!value.includes('@')) continue;
    throw new PaddockError(
      'BAD_CONFIG',
      `${name} holds a user name or password, which a build would show to its base`,
      {
        hint: 'Use a proxy that needs none for this build (set the variable for this one call), or a base that needs no network.',
      },
    );
  }
  return Object.fromEntries(
    given.flatMap(([name, value]) => [
      [name, value],
      [name.toUpperCase(), value],
    ]),
  );
}
