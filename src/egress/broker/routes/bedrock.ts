import { ConfigError } from '../../../core/errors.js';
import { judgeBedrock } from '../judge/bedrock.js';
import type { Authenticate, BrokerRoute } from '../types.js';
import { BedrockTally } from '../usage/bedrock.js';

export interface BedrockRoute {
  readonly region: string;
  /** Instead of the region's own. */
  readonly upstream?: URL;
  /** A signer, or a Bedrock API key as a header. */
  readonly authenticate: Authenticate;
  readonly serverTools?: readonly string[];
}

const regionForm = /^[a-z]{2}(?:-[a-z]{2,10}){1,3}-\d{1,2}$/;
// The name of a model or inference profile, or an ARN of one; a prompt's ARN would bring instructions and tools that nobody saw.
const model =
  /^(?:[a-z0-9][A-Za-z0-9.-]{0,120}(?::\d{1,4}(?::[A-Za-z0-9]{1,10})?)?|arn:aws[a-z-]{0,10}:bedrock:[a-z0-9-]{1,30}:\d{0,12}:(?:foundation-model|inference-profile|application-inference-profile|provisioned-model|custom-model|imported-model)\/[A-Za-z0-9.:_-]{1,160})$/;

/** Amazon Bedrock's runtime at `/bedrock`: InvokeModel and Converse, with and without a stream. Throws BAD_CONFIG. */
export function bedrockRoute({ region, upstream, authenticate, serverTools = [] }: BedrockRoute): BrokerRoute {
  const operations = ['invoke', 'invoke-with-response-stream', 'converse', 'converse-stream'];
  return {
    id: 'bedrock',
    prefix: ['bedrock'],
    upstream: upstream ?? regional(region),
    region,
    endpoints: operations.map((operation) => ({
      ...{ method: 'POST', path: ['model', model, operation], body: judgeBedrock },
      newTally: () => new BedrockTally(),
    })),
    colons: 'encoded',
    headers: ['x-amzn-bedrock-accept', 'x-amzn-bedrock-performanceconfig-latency'],
    authenticate,
    serverTools,
    refusals: 'json',
  };
}

function regional(region: string): URL {
  if (!regionForm.test(region)) throw new ConfigError('BAD_CONFIG', 'the AWS region is not one, such as us-east-1');
  return new URL(`https://bedrock-runtime.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}/`);
}
