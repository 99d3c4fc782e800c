import {
  type Broker,
  type BrokerOptions,
  type BrokerRefusal,
  openBroker,
} from '../../../../../src/egress/broker/broker.js';
import type { BrokerUse } from '../../../../../src/egress/broker/exchange.js';
import type { ProviderKey } from '../../../../../src/egress/broker/keys.js';
import { anthropicRoute } from '../../../../../src/egress/broker/routes/anthropic.js';
import { systemClock } from '../../../../../src/kit/clock.js';
import { Secret } from '../../../../../src/kit/secret.js';
import { type Answer, type FakeProvider, fakeProvider } from './fake-provider.js';

/** Of no shape that could be anybody's. */
export const canary = 'sk-canary-0123456789abcdefghijklmnop';

export const canaryKey: ProviderKey = { kind: 'api-key', secret: new Secret(canary), source: 'test' };

export interface Opened extends AsyncDisposable {
  readonly broker: Broker;
  readonly provider: FakeProvider;
  readonly uses: BrokerUse[];
  readonly refusals: BrokerRefusal[];
}

type Routes = (upstream: URL) => BrokerOptions['routes'];

/** A broker for Anthropic, or for what `routes` says, before a provider that gives these answers. */
export async function opened(
  answer: Answer,
  options: Partial<Omit<BrokerOptions, 'routes'>> = {},
  routes: Routes = (upstream) => [anthropicRoute({ upstream, key: canaryKey })],
): Promise<Opened> {
  const provider = await fakeProvider(answer);
  const uses: BrokerUse[] = [];
  const refusals: BrokerRefusal[] = [];
  const broker = openBroker({
    clock: systemClock,
    onUse: (use) => uses.push(use),
    onRefusal: (refusal) => refusals.push(refusal),
    ...options,
    routes: routes(provider.url),
  });
  return {
    ...{ broker, provider, uses, refusals },
    [Symbol.asyncDispose]: async () => {
      await broker[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
    },
  };
}

export const messageAnswer = {
  type: 'message',
  content: [{ type: 'text', text: 'hello' }],
  usage: { input_tokens: 10, output_tokens: 5 },
};

export function message(extra: object = {}): string {
  return JSON.stringify({
    model: 'claude-sonnet-5',
    max_tokens: 10,
    messages: [{ role: 'user', content: 'hi' }],
    ...extra,
  });
}
