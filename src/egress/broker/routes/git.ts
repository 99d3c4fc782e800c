import { ConfigError } from '../../../core/errors.js';
import type { Secret } from '../../../kit/secret.js';
import { basicKey } from '../credentials/header.js';
import type { BrokerRoute, Endpoint } from '../types.js';

export interface GitHost {
  /** `github.com`, or `HOST:PORT`: as it stands in the URLs of repositories. */
  readonly host: string;
  readonly token: Secret;
  /** The user that goes with the token. GitHub and GitLab take any; Bitbucket wants `x-token-auth`. */
  readonly user?: string;
  /**
   * Repositories that the token may be used for: `owner/name`, `owner/*`, `*` for one part of the path each, or `**`: all that the token
   * opens, which is often more than the project at hand.
   */
  readonly repositories: readonly string[];
  /** Whether they may be written to as well. */
  readonly push?: boolean;
  /** Where the host really is; https by its name unless this says otherwise. */
  readonly upstream?: URL;
}

const part = /^[A-Za-z0-9_~][A-Za-z0-9._~+-]{0,99}$/;
const hostForm = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::\d{1,5})?$/;
/** GitLab's groups nest; nobody's do deeper. */
const mostParts = 8;

/** Git's smart HTTP protocol to one host, at `/git/HOST`. Throws BAD_CONFIG. */
export function gitRoute(git: GitHost): BrokerRoute {
  const { host, token, user = 'x-access-token', push = false } = git;
  if (!hostForm.test(host)) throw bad(`${host} is no name of a host in lower case`);
  if (user.includes(':')) throw bad('the user of a git host can not hold a colon');
  const allowed = git.repositories.flatMap(pathsOf);
  const elsewhere = pathsOf('**');
  return {
    id: `git:${host}`,
    prefix: ['git', host],
    upstream: git.upstream ?? new URL(`https://${host}/`),
    endpoints: [
      ...allowed.flatMap((path) => [...reading(path), ...writing(path, push)]),
      ...elsewhere.flatMap((path) => refused([...reading(path), ...writing(path, true)])),
    ],
    headers: ['git-protocol', 'content-encoding'],
    authenticate: basicKey(user, token),
    serverTools: [],
    refusals: 'text',
  };
}

/** Without a service it would be the older protocol, in which git goes on to fetch whatever file it likes. */
function refs(path: Endpoint['path'], service: RegExp): Endpoint {
  return {
    ...{ method: 'GET', path: [...path, 'info', 'refs'], body: 'none' },
    ...{ query: { service }, neededQuery: ['service'] },
  };
}

function reading(path: Endpoint['path']): Endpoint[] {
  return [refs(path, /^git-upload-pack$/), { method: 'POST', path: [...path, 'git-upload-pack'], body: 'stream' }];
}

function writing(path: Endpoint['path'], push: boolean): Endpoint[] {
  const endpoints: Endpoint[] = [
    refs(path, /^git-receive-pack$/),
    { method: 'POST', path: [...path, 'git-receive-pack'], body: 'stream' },
  ];
  return push ? endpoints : endpoints.map((one) => ({ ...one, refusal: 'broker.push' }));
}

function refused(endpoints: readonly Endpoint[]): Endpoint[] {
  return endpoints.map((one) => ({ ...one, refusal: 'broker.repository' }));
}

/** The paths that a pattern of repositories stands for; each with and without `.git`. */
function pathsOf(pattern: string): Endpoint['path'][] {
  if (pattern === '**') return Array.from({ length: mostParts }, (_, index) => Array<RegExp>(index + 1).fill(part));
  const parts = pattern.replace(/\.git$/, '').split('/');
  if (parts.length > mostParts || !parts.every((one) => one === '*' || part.test(one))) {
    throw bad(`${pattern} names no repository: owner/name, owner/* or **`);
  }
  return [parts.map((one, index) => (one === '*' ? part : index === parts.length - 1 ? withSuffix(one) : one))];
}

function withSuffix(name: string): RegExp {
  return new RegExp(`^${name.replaceAll(/[.+]/g, '\\$&')}(?:\\.git)?$`);
}

function bad(what: string): ConfigError {
  return new ConfigError('BAD_CONFIG', what);
}

/**
 * The environment that makes git go to the broker for these hosts, in whatever form a remote is written; it changes no file. `places`: the
 * base URL inside by the host's name. `from`: how many settings the environment has already.
 */
export function gitEnvironment(places: Readonly<Record<string, string>>, from = 0): Record<string, string> {
  const settings = Object.entries(places).flatMap(([host, place]) =>
    [`https://${host}/`, `git@${host}:`, `ssh://git@${host}/`].map((url) => [`url.${place}/.insteadOf`, url] as const),
  );
  const environment: Record<string, string> = {
    GIT_CONFIG_COUNT: String(from + settings.length),
    // A refusal is not answered by asking for a password that nobody types.
    GIT_TERMINAL_PROMPT: '0',
  };
  for (const [index, [name, value]] of settings.entries()) {
    environment[`GIT_CONFIG_KEY_${from + index}`] = name;
    environment[`GIT_CONFIG_VALUE_${from + index}`] = value;
  }
  return environment;
}
