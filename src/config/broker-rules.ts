import { ConfigError } from '../core/errors.js';
import type { GitHostRule, RouteRule, SitePolicy } from '../core/site-policy.js';
import { known } from '../kit/known.js';
import { isRepositoryWithin } from '../policy/broker/repositories.js';
import type { BrokerSettings, GitHostSettings, RouteSettings } from './broker-schema.js';
import { expandHome, loosens, type PolicyDraft } from './policy-draft.js';

const lists = { providers: 'providers', server_tools: 'serverTools' } as const;
const caps = { requests: 'requests', tokens: 'tokens', cost: 'costCents', bytes: 'bytes' } as const;

/** What the credential broker may be used for, by one file over the one before. Errors: BAD_CONFIG. */
export function applyBrokerRules(
  draft: PolicyDraft,
  given: BrokerSettings | undefined,
  origin: string,
  onlyTighten: boolean,
): SitePolicy['broker'] {
  const { broker } = draft.policy;
  const before: Readonly<Record<string, unknown>> = { ...broker };
  const after: Record<string, unknown> = { ...broker };
  const set = (name: string, key: string, value: unknown, isLooser: boolean) => {
    if (onlyTighten && isLooser) loosens(`broker.${name}`, value, before[key], origin);
    after[key] = value;
    draft.origins.set(`policy.broker.${key}`, origin);
  };
  for (const [name, key] of Object.entries(lists) as [keyof typeof lists, 'providers' | 'serverTools'][]) {
    const list: readonly string[] | undefined = given?.[name];
    const allowed: readonly string[] = broker[key];
    if (list !== undefined) set(name, key, list, !list.every((one) => allowed.includes(one)));
  }
  for (const [name, key] of Object.entries(caps) as [keyof typeof caps, 'requests'][]) {
    const cap = given?.[name];
    if (cap !== undefined) set(name, key, cap, cap > (broker[key] ?? Infinity));
  }
  const environment = given?.environment;
  if (environment !== undefined) set('environment', 'environment', environment, environment && !broker.environment);
  const one = { homeDir: draft.homeDir, origin, onlyTighten };
  if (given?.git !== undefined) set('git', 'git', table('git', broker.git, given.git, gitHost, one), false);
  if (given?.routes !== undefined)
    set('routes', 'routes', table('routes', broker.routes, given.routes, route, one), false);
  // It holds only keys of the tables above, with the values the schema made for them.
  return after as unknown as SitePolicy['broker'];
}

/** One entry of a table: what stood there before, where that holds. */
interface Entry<Settings, Rule> {
  readonly where: string;
  readonly given: Settings;
  readonly before: Rule | undefined;
  readonly homeDir: string;
  readonly origin: string;
}

/** A table with the entries of one file. Where it can only tighten, they are made narrower, and none is added. */
function table<Settings, Rule>(
  name: string,
  before: Readonly<Record<string, Rule>>,
  given: Readonly<Record<string, Settings>>,
  settle: (entry: Entry<Settings, Rule>) => Rule,
  { homeDir, origin, onlyTighten }: { homeDir: string; origin: string; onlyTighten: boolean },
): Readonly<Record<string, Rule>> {
  const entries = Object.entries(given).map(([key, settings]) => {
    const foreign = onlyTighten && !Object.hasOwn(before, key);
    if (foreign) loosens(`broker.${name}`, key, Object.keys(before), origin);
    const own = onlyTighten ? before[key] : undefined;
    return [key, settle({ where: `broker.${name}.${key}`, given: settings, before: own, homeDir, origin })] as const;
  });
  return { ...before, ...(Object.fromEntries(entries) as Record<string, Rule>) };
}

function gitHost(entry: Entry<GitHostSettings, GitHostRule>): GitHostRule {
  const { where, given, before, origin } = entry;
  const fixed = sameAs(entry, { ...tokenUse(entry), ...known({ user: given.user, upstream: given.upstream }) });
  const { repositories = before?.repositories ?? ['**'], push = before?.push ?? false } = given;
  const foreign = before && repositories.find((text) => !isRepositoryWithin(text, before.repositories));
  if (foreign !== undefined) loosens(`${where}.repositories`, foreign, before?.repositories, origin);
  if (push && before?.push === false) loosens(`${where}.push`, push, false, origin);
  return { ...before, ...fixed, repositories, push };
}

function route(entry: Entry<RouteSettings, RouteRule>): RouteRule {
  const { where, given, before, origin } = entry;
  const { upstream = before?.upstream, allow = before?.allow } = given;
  if (upstream === undefined) throw lacking(entry, 'upstream');
  if (allow === undefined) throw lacking(entry, 'allow');
  const texts = before?.allow.map(({ method, path }) => `${method} ${path}`);
  const foreign = texts && allow.map(({ method, path }) => `${method} ${path}`).find((one) => !texts.includes(one));
  if (foreign !== undefined) loosens(`${where}.allow`, foreign, texts, origin);
  const { header = before?.header ?? 'authorization', prefix = before?.prefix } = given;
  const usual = header === 'authorization' ? 'Bearer ' : '';
  const { pass_headers: passHeaders = before?.passHeaders ?? [] } = given;
  const more = passHeaders.find((name) => before?.passHeaders.includes(name) === false);
  if (more !== undefined) loosens(`${where}.pass_headers`, more, before?.passHeaders, origin);
  const fixed = sameAs(entry, { ...tokenUse(entry), upstream, header, prefix: prefix ?? usual });
  return { ...fixed, allow, passHeaders };
}

/** Exactly one of the two ways to a token. */
function tokenUse<Rule extends GitHostRule | RouteRule>(entry: Entry<GitHostSettings | RouteSettings, Rule>) {
  const { given, before, homeDir, where, origin } = entry;
  const at = (path: string | undefined) => (path === undefined ? undefined : expandHome(path, homeDir));
  const own = known({ token: given.token, tokenFile: at(given.token_file) });
  if (Object.keys(own).length > 1) throw bad(`${origin}: ${where} has token and token_file: one is enough`, entry);
  const use = Object.keys(own).length > 0 ? own : known({ token: before?.token, tokenFile: before?.tokenFile });
  if (Object.keys(use).length === 0) throw lacking(entry, 'token, or token_file');
  return { ...use, ...known({ caFile: at(given.ca_file) ?? before?.caFile }) };
}

/** A token goes where the policy sends it, and nowhere else: what a tighter file says of that again has to be the same. */
function sameAs<Rule extends GitHostRule | RouteRule, T extends Partial<Rule>>(
  { where, before, origin }: Entry<unknown, Rule>,
  fixed: T,
): T {
  for (const [name, value] of Object.entries(fixed)) {
    const allowed: unknown = before?.[name as keyof Rule];
    if (before !== undefined && value !== allowed) loosens(`${where}.${name}`, value, allowed ?? 'nothing', origin);
  }
  return fixed;
}

function lacking(entry: Entry<unknown, unknown>, what: string): ConfigError {
  return bad(`${entry.origin}: ${entry.where} lacks ${what}`, entry);
}

function bad(message: string, { where, origin }: Entry<unknown, unknown>): ConfigError {
  const hint = 'docs/broker.md says what belongs there.';
  return new ConfigError('BAD_CONFIG', message, { info: { key: where, origin }, hint });
}
