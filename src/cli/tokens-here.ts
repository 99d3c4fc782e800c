import { rootCertificates } from 'node:tls';
import { diskEffects } from '../config/effects.js';
import type { Config } from '../config/load.js';
import type { OAuthGrant, OAuthSettings } from '../config/oauth.js';
import { checkWriters } from '../config/trust.js';
import { ConfigError } from '../core/errors.js';
import { fetchJson, IssuerUnavailable } from '../oauth/fetch-json.js';
import { IssuerKeys } from '../oauth/issuer-keys.js';
import { discoveredKeys, keysAt, type LoadKeys, readKeySet } from '../oauth/key-set.js';
import { foreignTool, profileProblem, rootWithin } from './rights-here.js';
import { callerUid } from './settings.js';
import { TokenCallers, type TokenCallersOptions } from './token-callers.js';

interface TokensMeans extends Pick<TokenCallersOptions, 'clock' | 'onAway'> {
  /** Told of what is not as it was meant, and no reason to serve nobody. */
  readonly warn: (text: string) => void;
}

/**
 * Those whose access tokens this server takes, by `[http.oauth]`. `hosts`: the names that the server goes by. Errors: BAD_CONFIG (a tool, a profile or a
 * file that is not there, a folder that the policy does not allow; a resource whose name is none of the server's).
 */
export async function tokensHere(
  config: Config,
  settings: OAuthSettings,
  hosts: ReadonlySet<string>,
  { warn, ...means }: TokensMeans,
): Promise<TokenCallers> {
  checkNames(settings, config, hosts);
  const { allowedRoots } = config.sitePolicy;
  const grants = await Promise.all(settings.grants.map((one) => withRealRoots(one, allowedRoots, warn)));
  const keys = new IssuerKeys(await keyLoader(settings), means.clock);
  return new TokenCallers({ ...means, settings, grants, keys });
}

function checkNames({ resource, scopes, grants }: OAuthSettings, config: Config, hosts: ReadonlySet<string>): void {
  const { hostname } = new URL(resource);
  // Clients would be sent to metadata that nobody answers.
  if (!hosts.has(hostname)) throw bad(`resource: the server does not go by ${hostname}: give --host-name ${hostname}`);
  for (const [scope, tools] of Object.entries(scopes)) {
    const foreign = foreignTool(tools);
    if (foreign !== undefined) throw bad(`scopes: ${scope}: there is no ${foreign.name}; there are ${foreign.known}`);
  }
  for (const { name, ceiling } of grants) {
    const problem = profileProblem(ceiling.profile, config);
    if (problem !== undefined) throw bad(`grants: ${name}: ${problem}`);
  }
}

/** Sessions can take a root away, and must not keep the server from all others by it: such a one allows nothing as long as it does not lie where it is named. */
async function withRealRoots(
  grant: OAuthGrant,
  allowed: readonly string[],
  warn: TokensMeans['warn'],
): Promise<OAuthGrant> {
  const roots = grant.ceiling.roots.map(async (path) => {
    const found = await rootWithin(path, allowed);
    if ('root' in found) return found.root;
    const problem = `grants: ${grant.name}: ${found.problem}`;
    if (found.later === undefined) throw bad(problem);
    warn(`http.oauth: ${problem}. As long as it is so, this root allows nothing`);
    return found.later;
  });
  return { ...grant, ceiling: { ...grant.ceiling, roots: await Promise.all(roots) } };
}

async function keyLoader({ keySource, issuer, caFile }: OAuthSettings): Promise<LoadKeys> {
  if (typeof keySource === 'object' && 'file' in keySource) {
    // Read now as well: what is wrong with it is said at once.
    const { file } = keySource;
    await keysInFile(file).catch((cause: unknown) => {
      throw bad(`jwks_file: ${cause instanceof Error ? cause.message : file}`, cause);
    });
    return () => keysInFile(file);
  }
  const ca = caFile === undefined ? undefined : [...rootCertificates, await trustedText(caFile)];
  const fetch = fetchJson(ca);
  return keySource === 'discover' ? discoveredKeys(issuer, fetch) : keysAt(keySource.uri, fetch);
}

/** Errors: IssuerUnavailable. */
async function keysInFile(path: string): ReturnType<LoadKeys> {
  try {
    return readKeySet(JSON.parse(await trustedText(path)), path);
  } catch (cause) {
    if (cause instanceof IssuerUnavailable) throw cause;
    throw new IssuerUnavailable(cause instanceof ConfigError ? cause.message : `${path} is no JSON`, { cause });
  }
}

/** A file that nobody else could have written. Errors: BAD_CONFIG. */
async function trustedText(path: string): Promise<string> {
  const file = await diskEffects.readFile(path, true);
  if (file === undefined) throw bad(`${path} is not there`);
  checkWriters(file, path, [0, callerUid()]);
  return file.text;
}

function bad(message: string, cause?: unknown): ConfigError {
  const hint = 'docs/oauth.md says how access tokens are taken.';
  return new ConfigError('BAD_CONFIG', `http.oauth: ${message}`, { hint, cause });
}
