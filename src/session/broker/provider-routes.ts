import { PaddockError } from '../../core/errors.js';
import type { ProviderId } from '../../core/providers.js';
import type { BrokerRules } from '../../core/site-policy.js';
import { readKeyFile } from '../../egress/broker/key-file.js';
import { type BrokerKeys, findKeys, type KeyArguments, regionIn } from '../../egress/broker/keys.js';
import { builtInRoutes } from '../../egress/broker/routes/built-in.js';
import type { BrokerRoute } from '../../egress/broker/types.js';
import type { Clock } from '../../kit/clock.js';
import type { GivenKeys } from './take-keys.js';

type Texts = Readonly<Record<string, string | undefined>>;

/** Where keys may be found besides the arguments. */
export interface KeySources {
  /** The server's own: keys, and the addresses of providers. */
  readonly environment: Texts;
  /** Read when a broker opens. */
  readonly keyFile?: string | undefined;
}

/** Nowhere but in requests. */
export const noKeySources: KeySources = { environment: {} };

export interface RouteParts {
  readonly given: GivenKeys;
  readonly sources: KeySources;
  readonly rules: BrokerRules;
  readonly clock: Clock;
}

interface ProviderNames {
  readonly keys: readonly string[];
  /** No secrets. */
  readonly places: readonly string[];
  /** Where it is unless the environment says otherwise. */
  readonly hosts: readonly string[];
}

/** Of one provider only what it needs is read, so that another one's broken setting is no hindrance. */
const providerNames: Readonly<Record<ProviderId, ProviderNames>> = {
  anthropic: {
    keys: ['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN', 'CLAUDE_CODE_OAUTH_TOKEN'],
    places: ['ANTHROPIC_BASE_URL'],
    hosts: ['api.anthropic.com'],
  },
  openai: { keys: ['OPENAI_API_KEY'], places: ['OPENAI_BASE_URL'], hosts: ['api.openai.com'] },
  google: {
    keys: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
    places: ['GOOGLE_GEMINI_BASE_URL'],
    hosts: ['generativelanguage.googleapis.com'],
  },
  bedrock: {
    keys: [
      ...['AWS_BEARER_TOKEN_BEDROCK', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_PROFILE'],
    ],
    places: ['AWS_ENDPOINT_URL_BEDROCK_RUNTIME', 'AWS_REGION', 'AWS_DEFAULT_REGION'],
    hosts: [],
  },
};

/**
 * The routes of these providers, with the keys that were given, else with those that are found where policy lets them be looked for. Errors:
 * BAD_ARGUMENT where one has no key (or Bedrock no region), BAD_CONFIG.
 */
export async function providerRoutes(providers: readonly ProviderId[], parts: RouteParts): Promise<BrokerRoute[]> {
  const { given, sources, rules, clock } = parts;
  const pick = (texts: Texts, names: readonly string[]) => Object.fromEntries(names.map((name) => [name, texts[name]]));
  const known = providers.map((id) => providerNames[id]);
  const places = pick(
    sources.environment,
    known.flatMap((one) => one.places),
  );
  const names = known.flatMap((one) => one.keys);
  const environment = { ...places, ...(rules.environment ? pick(sources.environment, names) : {}) };
  const texts = await textsOf(sources);
  const file = pick(texts, [...names, ...Object.keys(places)]);
  const awsRegion = given.awsRegion ?? (providers.includes('bedrock') ? await regionBy(parts, texts) : undefined);
  const keys = findKeys(argumentsOf({ ...given, awsRegion }), environment, file, sources.keyFile);
  for (const id of providers) refuseKeyless(id, keys, rules);
  const serverTools = Object.fromEntries(providers.map((id) => [id, rules.serverTools]));
  const routes = builtInRoutes({ keys, environment: places, clock, serverTools });
  return routes.filter(({ id }) => providers.some((one) => one === id));
}

/**
 * The region in which a session calls Bedrock: of its arguments, else of this process's variables or the key file, else what AWS's own settings say
 * for the profile, where policy lets them be looked at. Undefined where none says. Errors: BAD_CONFIG (the key file).
 */
export async function bedrockRegion(parts: Omit<RouteParts, 'clock'>): Promise<string | undefined> {
  return parts.given.awsRegion ?? (await regionBy(parts, await textsOf(parts.sources)));
}

/** `texts`: of the key file. */
async function regionBy(
  { given, sources, rules }: Omit<RouteParts, 'clock'>,
  texts: Texts,
): Promise<string | undefined> {
  const said = regionIn(sources.environment, texts);
  if (said !== undefined || !rules.environment) return said;
  const { profileRegion } = await import('../../egress/broker/credentials/profile-region.js');
  return await profileRegion(given.awsProfile);
}

/** What the key file holds, if there is one. Errors: BAD_CONFIG. */
async function textsOf({ keyFile }: KeySources): Promise<Texts> {
  return keyFile === undefined ? {} : await readKeyFile(keyFile);
}

/** Where these providers are unless somebody says otherwise. */
export function usualHostsOf(providers: readonly ProviderId[]): readonly string[] {
  return providers.flatMap((id) => providerNames[id].hosts);
}

function argumentsOf({ secrets, awsProfile, awsRegion }: GivenKeys): KeyArguments {
  const texts = Object.entries(secrets).map(([name, secret]) => [name, secret.reveal()] as const);
  return {
    ...(Object.fromEntries(texts) as KeyArguments),
    ...(awsProfile === undefined ? {} : { awsProfile }),
    ...(awsRegion === undefined ? {} : { awsRegion }),
  };
}

function refuseKeyless(id: ProviderId, keys: BrokerKeys, rules: BrokerRules): void {
  const [name = ''] = providerNames[id].keys;
  const where = rules.environment ? 'the environment that Paddock is started with, or in its key file' : 'the key file';
  const more = `Set ${name} in ${where} (docs/broker.md), give it with create_session, or leave ${id} out of providers.`;
  if (id !== 'bedrock') {
    if (keys[id] === undefined) throw missing(`there is no key for ${id}`, more);
    return;
  }
  if (keys.aws.region === undefined)
    throw missing(
      'there is no region for bedrock',
      `Give awsRegion, or set AWS_REGION or the region of the profile in AWS's settings. ${more}`,
    );
  if (keys.aws.from.kind === 'chain' && !rules.environment) throw missing('there is no key for bedrock', more);
}

function missing(what: string, hint: string): PaddockError {
  return new PaddockError('BAD_ARGUMENT', what, { hint });
}
