import { ConfigError } from '../../core/errors.js';
import { Secret } from '../../kit/secret.js';
import type { AwsKey } from './credentials/sigv4.js';

/** `bearer`: a token for the Authorization header; `oauth`: one that a person logged in for. */
export interface ProviderKey {
  readonly kind: 'api-key' | 'bearer' | 'oauth';
  readonly secret: Secret;
  /** Where it came from, for people: `apiKey`, `ANTHROPIC_API_KEY`, a file's path. */
  readonly source: string;
}

/** What `create_session` takes; texts become secrets as soon as they are here. */
export interface KeyArguments {
  /** Anthropic's. */
  readonly apiKey?: string;
  readonly authToken?: string;
  readonly openaiApiKey?: string;
  readonly googleApiKey?: string;
  readonly awsAccessKeyId?: string;
  readonly awsSecretAccessKey?: string;
  readonly awsSessionToken?: string;
  readonly awsProfile?: string;
  readonly awsRegion?: string;
}

export interface AwsChoice {
  /** `static`: these; `chain`: as AWS's tools find them; `bearer`: a Bedrock API key. */
  readonly from:
    | { readonly kind: 'static'; readonly key: AwsKey }
    | { readonly kind: 'bearer'; readonly key: ProviderKey }
    | { readonly kind: 'chain'; readonly profile: string | undefined };
  readonly region: string | undefined;
}

/** Keys by provider; what is undefined nobody gave. Holds no text: printing it gives nothing away. */
export interface BrokerKeys {
  readonly anthropic: ProviderKey | undefined;
  readonly openai: ProviderKey | undefined;
  readonly google: ProviderKey | undefined;
  readonly aws: AwsChoice;
}

type Texts = Readonly<Record<string, string | undefined>>;
type Candidate = readonly [kind: ProviderKey['kind'], name: string];

const anthropicNames: readonly Candidate[] = [
  ['api-key', 'ANTHROPIC_API_KEY'],
  ['bearer', 'ANTHROPIC_AUTH_TOKEN'],
  ['oauth', 'CLAUDE_CODE_OAUTH_TOKEN'],
];

/**
 * Finds the keys: arguments first, then the server's environment, then the key file (as `readKeyFile` gives it). Throws BAD_CONFIG on
 * half of an AWS key and on a key that could not be a header; no message holds one.
 */
export function findKeys(given: KeyArguments, environment: Texts, file: Texts, fileName = 'key file'): BrokerKeys {
  const sources: readonly (readonly [Texts, (name: string) => string])[] = [
    [environment, (name) => name],
    [file, (name) => `${name} in ${fileName}`],
  ];
  const find = (candidates: readonly Candidate[]): ProviderKey | undefined => {
    for (const [texts, sourceOf] of sources) {
      for (const [kind, name] of candidates) {
        const text = texts[name];
        if (text !== undefined && text.trim() !== '') return keyOf(kind, text, sourceOf(name));
      }
    }
    return undefined;
  };
  const argument = (kind: ProviderKey['kind'], name: keyof KeyArguments): ProviderKey | undefined => {
    const text = given[name];
    return text === undefined ? undefined : keyOf(kind, text, name);
  };
  return {
    anthropic: argument('api-key', 'apiKey') ?? argument('bearer', 'authToken') ?? find(anthropicNames),
    openai: argument('api-key', 'openaiApiKey') ?? find([['api-key', 'OPENAI_API_KEY']]),
    google:
      argument('api-key', 'googleApiKey') ??
      find([
        ['api-key', 'GEMINI_API_KEY'],
        ['api-key', 'GOOGLE_API_KEY'],
      ]),
    aws: awsChoice(given, environment, file, find([['bearer', 'AWS_BEARER_TOKEN_BEDROCK']])),
  };
}

/** What variables say of the region, the first of these first. */
export function regionIn(...all: readonly Texts[]): string | undefined {
  return all.flatMap((texts) => [texts['AWS_REGION'], texts['AWS_DEFAULT_REGION']]).find(Boolean);
}

function awsChoice(given: KeyArguments, environment: Texts, file: Texts, bearer: ProviderKey | undefined): AwsChoice {
  const region = given.awsRegion ?? regionIn(environment, file);
  const asked = awsKey(given.awsAccessKeyId, given.awsSecretAccessKey, given.awsSessionToken, 'the AWS arguments');
  if (asked !== undefined) return { from: { kind: 'static', key: asked }, region };
  if (given.awsProfile !== undefined) return { from: { kind: 'chain', profile: given.awsProfile }, region };
  if (bearer !== undefined) return { from: { kind: 'bearer', key: bearer }, region };
  // The environment's own keys are the first thing that the chain looks at; the file it does not know.
  const filed = awsKey(
    ...[file['AWS_ACCESS_KEY_ID'], file['AWS_SECRET_ACCESS_KEY'], file['AWS_SESSION_TOKEN']],
    'the key file',
  );
  const isInEnvironment = Boolean(environment['AWS_ACCESS_KEY_ID'] ?? environment['AWS_PROFILE']);
  if (filed !== undefined && !isInEnvironment) return { from: { kind: 'static', key: filed }, region };
  return { from: { kind: 'chain', profile: undefined }, region };
}

function awsKey(id?: string, secret?: string, token?: string, where = ''): AwsKey | undefined {
  if (id === undefined && secret === undefined && token === undefined) return undefined;
  if (id === undefined || secret === undefined) {
    throw new ConfigError(
      'BAD_CONFIG',
      `${where} have half of a key: both the access key id and the secret are needed`,
    );
  }
  if (!/^[A-Z0-9]{1,128}$/.test(id)) throw new ConfigError('BAD_CONFIG', `${where} have an access key id that is none`);
  return {
    accessKeyId: id,
    secretAccessKey: keyOf('api-key', secret, where).secret,
    sessionToken: token === undefined ? undefined : keyOf('api-key', token, where).secret,
  };
}

function keyOf(kind: ProviderKey['kind'], text: string, source: string): ProviderKey {
  return { kind, secret: secretOf(text, source), source };
}

/** A key goes into a header: what could not stand there is refused here, before Node would quote it in an error. Throws BAD_CONFIG, which names the source and no more. */
export function secretOf(text: string, source: string): Secret {
  const trimmed = text.trim();
  if (/^[\x21-\x7e]{1,8192}$/.test(trimmed)) return new Secret(trimmed);
  throw new ConfigError('BAD_CONFIG', `the key of ${source} is empty, too long, or holds what no key holds`);
}
