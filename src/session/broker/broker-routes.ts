import type { BrokerRoute } from '../../egress/broker/types.js';
import type { BrokerWish } from '../../policy/broker/decide.js';
import { providerRoutes, type RouteParts } from './provider-routes.js';
import { siteRoutes } from './site-routes.js';

/** The routes of a wish. Errors: BAD_ARGUMENT where a key or a token is not to be found, BAD_CONFIG. */
export async function brokerRoutes(wish: BrokerWish, parts: RouteParts): Promise<BrokerRoute[]> {
  const { providers = [] } = wish;
  const both = await Promise.all([
    providers.length === 0 ? [] : providerRoutes(providers, parts),
    siteRoutes(wish, parts),
  ]);
  return both.flat();
}
