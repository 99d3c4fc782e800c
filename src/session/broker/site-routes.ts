import { PaddockError } from '../../core/errors.js';
import type { GitHostRule, RouteRule } from '../../core/site-policy.js';
import { readCaFile, readKeyFile, readSecretFile } from '../../egress/broker/key-file.js';
import { secretOf } from '../../egress/broker/keys.js';
import { customRoute } from '../../egress/broker/routes/custom.js';
import { gitRoute } from '../../egress/broker/routes/git.js';
import { upstreamUrl } from '../../egress/broker/routes/upstream.js';
import type { BrokerRoute } from '../../egress/broker/types.js';
import type { Secret } from '../../kit/secret.js';
import type { BrokerWish } from '../../policy/broker/decide.js';
import type { RouteParts } from './provider-routes.js';

type Parts = Pick<RouteParts, 'rules' | 'sources'>;

/**
 * The routes to these git hosts, and those of the site's own, with the tokens that policy says where to find. Errors: BAD_ARGUMENT where one
 * is not to be found, BAD_CONFIG.
 */
export async function siteRoutes({ git = [], routes = [] }: BrokerWish, parts: Parts): Promise<BrokerRoute[]> {
  const { rules } = parts;
  return await Promise.all([
    ...git.map((host) => gitHostRoute(host, ruleOf(rules.git, host), parts)),
    ...routes.map((name) => ownRoute(name, ruleOf(rules.routes, name), parts)),
  ]);
}

async function gitHostRoute(host: string, rule: GitHostRule, parts: Parts): Promise<BrokerRoute> {
  const { user, upstream, repositories, push } = rule;
  const [token, ca] = await Promise.all([findToken(rule, host, parts), caOf(rule)]);
  return gitRoute({
    ...{ host, token, repositories, push, ca },
    ...(user !== undefined && { user }),
    upstream: upstream === undefined ? undefined : upstreamUrl(upstream, `broker.git.${host}.upstream`),
  });
}

async function ownRoute(id: string, rule: RouteRule, parts: Parts): Promise<BrokerRoute> {
  const { upstream, header: name, prefix, allow, passHeaders: headers } = rule;
  const [secret, ca] = await Promise.all([findToken(rule, id, parts), caOf(rule)]);
  const url = upstreamUrl(upstream, `broker.routes.${id}.upstream`);
  return customRoute({ ...{ id, upstream: url, allow, headers, ca }, keys: [{ name, prefix, secret }] });
}

/** Policy has looked for it; a record of an older policy may name one that is gone. */
function ruleOf<T>(table: Readonly<Record<string, T>>, name: string): T {
  const rule = Object.hasOwn(table, name) ? table[name] : undefined;
  if (rule !== undefined) return rule;
  throw new PaddockError('BAD_ARGUMENT', `the policy knows nothing of ${name}`);
}

async function caOf({ caFile }: GitHostRule | RouteRule): Promise<string | undefined> {
  return caFile === undefined ? undefined : await readCaFile(caFile);
}

async function findToken(
  { token: name, tokenFile }: GitHostRule | RouteRule,
  whose: string,
  { rules, sources }: Parts,
): Promise<Secret> {
  if (tokenFile !== undefined) return secretOf(await readSecretFile(tokenFile), tokenFile);
  const { environment, keyFile } = sources;
  const own = rules.environment && name !== undefined ? environment[name] : undefined;
  if (name !== undefined && own !== undefined && own.trim() !== '') return secretOf(own, name);
  const filed = keyFile === undefined || name === undefined ? undefined : (await readKeyFile(keyFile))[name];
  if (filed !== undefined && filed.trim() !== '') return secretOf(filed, `${name} in ${keyFile}`);
  const places = `${rules.environment ? 'the environment of this server or ' : ''}its key file (docs/broker.md)`;
  throw new PaddockError('BAD_ARGUMENT', `there is no token for ${whose}`, {
    hint: `Put ${name} into ${places}, or leave ${whose} out of the request.`,
  });
}
