import type { Clock } from '../../../kit/clock.js';
import { awsChain } from '../credentials/aws-chain.js';
import { headerKey } from '../credentials/header.js';
import { awsSigner } from '../credentials/sigv4.js';
import type { AwsChoice, BrokerKeys } from '../keys.js';
import type { Authenticate, BrokerRoute } from '../types.js';
import { anthropicRoute } from './anthropic.js';
import { bedrockRoute } from './bedrock.js';
import { googleRoute } from './google.js';
import { openAiRoute } from './openai.js';
import { upstreamUrl } from './upstream.js';

type ProviderId = 'anthropic' | 'openai' | 'google' | 'bedrock';

export interface BuiltInOptions {
  readonly keys: BrokerKeys;
  /** The server's own, for the addresses of providers. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Server tools that are allowed, by provider. */
  readonly serverTools?: Readonly<Partial<Record<ProviderId, readonly string[]>>>;
}

/**
 * The routes of all providers; of Bedrock only where there is a region. Addresses come from the variables by which the providers' own
 * clients know them. Throws BAD_CONFIG.
 */
export function builtInRoutes({ keys, environment, clock, serverTools = {} }: BuiltInOptions): BrokerRoute[] {
  const upstream = (setting: string, usual: string) => upstreamUrl(environment[setting] ?? usual, setting);
  const tools = (id: ProviderId) => ({ serverTools: serverTools[id] ?? [] });
  const routes = [
    anthropicRoute({
      ...{ upstream: upstream('ANTHROPIC_BASE_URL', 'https://api.anthropic.com'), key: keys.anthropic },
      ...tools('anthropic'),
    }),
    openAiRoute({
      ...{ upstream: upstream('OPENAI_BASE_URL', 'https://api.openai.com/v1'), key: keys.openai },
      ...tools('openai'),
    }),
    googleRoute({
      ...{
        upstream: upstream('GOOGLE_GEMINI_BASE_URL', 'https://generativelanguage.googleapis.com'),
        key: keys.google,
      },
      ...tools('google'),
    }),
  ];
  const { region } = keys.aws;
  if (region === undefined) return routes;
  const setting = 'AWS_ENDPOINT_URL_BEDROCK_RUNTIME';
  const own = environment[setting];
  const bedrock = bedrockRoute({
    ...{ region, authenticate: awsAuthentication(keys.aws, region, clock), ...tools('bedrock') },
    ...(own === undefined ? {} : { upstream: upstreamUrl(own, setting) }),
  });
  return [...routes, bedrock];
}

function awsAuthentication({ from }: AwsChoice, region: string, clock: Clock): Authenticate {
  if (from.kind === 'bearer') return headerKey({ name: 'authorization', prefix: 'Bearer ', secret: from.key.secret });
  const keys =
    from.kind === 'static'
      ? () => Promise.resolve(from.key)
      : awsChain(from.profile === undefined ? {} : { profile: from.profile });
  return awsSigner({ keys, region, service: 'bedrock', clock });
}
