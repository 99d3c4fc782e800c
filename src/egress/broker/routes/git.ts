import { ConfigError } from '../../../core/errors.js';
import type { Secret } from '../../../kit/secret.js';
import { isGitHost } from '../../../policy/broker/git-hosts.js';
import { mostParts, readPattern, repositoryPart } from '../../../policy/broker/repositories.js';
import { basicKey } from '../credentials/header.js';
import type { BrokerRoute, Endpoint } from '../types.js';

export interface GitHost {
  /** `github.com`, or `HOST:PORT`: as it stands in the URLs of repositories. */
  readonly host: string;
  readonly token: Secret;
  /** The user that goes with the token. GitHub and GitLab take any; Bitbucket wants `x-token-auth`. */
  readonly user?: string;
  /**
   * Repositories that the token may be used for: `owner/name`, `owner/*`, `*` for one part of the path each, `group/**` for all below, or
   * `**`: all that the token opens, which is often more than the project at hand.
   */
  readonly repositories: readonly string[];
  /** Whether they may be written to as well. */
  readonly push?: boolean;
  /** Where the host really is; https by its name unless this says otherwise. */
  readonly upstream?: URL | undefined;
  readonly ca?: string | undefined;
}

/** Git's smart HTTP protocol to one host, at `/git/HOST`. Throws BAD_CONFIG. */
export function gitRoute(git: GitHost): BrokerRoute {
  const { host, token, user = 'x-access-token', push = false } = git;
  if (!isGitHost(host)) throw bad(`${host} is no name of a host in lower case`);
  if (user.includes(':')) throw bad('the user of a git host can not hold a colon');
  const allowed = git.repositories.flatMap(pathsOf);
  const elsewhere = pathsOf('**');
  return {
    id: `git:${host}`,
    prefix: ['git', host],
    ...{ upstream: git.upstream ?? new URL(`https://${host}/`), ca: git.ca },
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
    { method: 'POST', path: [...path, 'git-receive-pack'], body: 'stream', writes: true },
  ];
  return push ? endpoints : endpoints.map((one) => ({ ...one, refusal: 'broker.push' }));
}

function refused(endpoints: readonly Endpoint[]): Endpoint[] {
  return endpoints.map((one) => ({ ...one, refusal: 'broker.repository' }));
}

/** The paths that a pattern of repositories stands for; each with and without `.git`. */
function pathsOf(pattern: string): Endpoint['path'][] {
  const read = readPattern(pattern);
  if (read === undefined) throw bad(`${pattern} names no repository: owner/name, owner/*, group/** or **`);
  const { parts, isDeep } = read;
  const path = parts.map((one, index) => {
    if (one === '*') return repositoryPart;
    return !isDeep && index === parts.length - 1 ? withSuffix(one) : one;
  });
  if (!isDeep) return [path];
  return Array.from({ length: mostParts - parts.length }, (_, index) => [
    ...path,
    ...Array<RegExp>(index + 1).fill(repositoryPart),
  ]);
}

function withSuffix(name: string): RegExp {
  return new RegExp(`^${name.replaceAll(/[.+]/g, '\\$&')}(?:\\.git)?$`);
}

function bad(what: string): ConfigError {
  return new ConfigError('BAD_CONFIG', what);
}
