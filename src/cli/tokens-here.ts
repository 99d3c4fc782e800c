import { realpath } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { diskEffects } from '../config/effects.js';
import type { Config } from '../config/load.js';
import type { OAuthGrant, OAuthSettings } from '../config/oauth.js';
import { isCovered } from '../config/site-rules.js';
import { checkWriters } from '../config/trust.js';
import { ConfigError } from '../core/errors.js';
import { fetchJson, IssuerUnavailable } from '../oauth/fetch-json.js';
import { IssuerKeys } from '../oauth/issuer-keys.js';
import { discoveredKeys, keysAt, type LoadKeys, readKeySet } from '../oauth/key-set.js';
import { allTools } from '../tools/all-tools.js';
import { toolGroups } from '../tools/tool-groups.js';
import { callerUid } from './settings.js';
import { TokenCallers, type TokenCallersOptions } from './token-callers.js';

/**
 * Those whose access tokens this server takes, by `[http.oauth]`. `hosts`: the names that the server goes by. Errors: BAD_CONFIG (a tool, a profile, a
 * folder or a file that is not there; a resource whose name is none of the server's).
 */
export async function tokensHere(
  config: Config,
  settings: OAuthSettings,
  hosts: ReadonlySet<string>,
  means: Pick<TokenCallersOptions, 'clock' | 'onAway'>,
): Promise<TokenCallers> {
  checkNames(settings, config, hosts);
  const grants = await Promise.all(settings.grants.map((one) => withRealRoots(one, config.sitePolicy.allowedRoots)));
  const keys = new IssuerKeys(await keyLoader(settings), means.clock);
  return new TokenCallers({ ...means, settings, grants, keys });
}

function checkNames({ resource, scopes, grants }: OAuthSettings, config: Config, hosts: ReadonlySet<string>): void {
  const { hostname } = new URL(resource);
  // Clients would be sent to metadata that nobody answers.
  if (!hosts.has(hostname)) throw bad(`resource: the server does not go by ${hostname}: give --host-name ${hostname}`);
  const known: readonly string[] = [...Object.keys(toolGroups), ...allTools.map(({ name }) => name)];
  for (const [scope, tools] of Object.entries(scopes)) {
    const foreign = tools.find((name) => !known.includes(name));
    if (foreign !== undefined) throw bad(`scopes: ${scope}: there is no ${foreign}; there are ${known.join(', ')}`);
  }
  const profiles = config.profiles.map(({ name }) => name);
  for (const { name, ceiling } of grants) {
    if (ceiling.profile === undefined || profiles.includes(ceiling.profile)) continue;
    throw bad(`grants: ${name}: there is no profile ${ceiling.profile}; there are ${profiles.join(', ')}`);
  }
}

/** As they really lie: what is judged later is, too. */
async function withRealRoots(grant: OAuthGrant, allowed: readonly string[]): Promise<OAuthGrant> {
  const roots = grant.ceiling.roots.map(async (path) => {
    const root = await realpath(path).catch(() => undefined);
    if (root === undefined) throw bad(`grants: ${grant.name}: there is no folder ${path}`);
    if (isCovered(root, allowed)) return root;
    throw bad(`grants: ${grant.name}: ${root} is not within the policy's allowed_roots [${allowed.join(', ')}]`);
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
