import { toPaddockError } from '../../core/errors.js';
import { type BrokerWish, decideWish } from '../../policy/broker/decide.js';
import { settle } from '../../policy/verdict.js';
import { brokerRoutes } from './broker-routes.js';
import type { RouteParts } from './provider-routes.js';
import type { GivenKeys } from './take-keys.js';
import { partsOf, withoutBroker } from './wish.js';

export interface WishLike {
  /** Of the other session. */
  readonly wish: BrokerWish;
  /** What it was given, where this process knows that. */
  readonly keys: GivenKeys;
}

/** What a session like another one has its broker for, and what to say of what it has not. */
export interface CarriedWish {
  readonly wish: BrokerWish;
  readonly notes: readonly string[];
}

/**
 * What another session could reach through its broker and for which there is a key or token here, among what that was given or where policy lets
 * them be looked for. The rest is no reason to refuse a fork: it says what it lacks.
 */
export async function carriedWish(
  { wish, keys: given }: WishLike,
  parts: Omit<RouteParts, 'given'>,
): Promise<CarriedWish> {
  const found = await Promise.all(
    partsOf(wish).map(async (part) => ({ part, problem: await problemOf(part, { ...parts, given }) })),
  );
  const had = found.flatMap(({ part, problem }) => (problem === undefined ? [part] : []));
  return {
    wish: {
      providers: had.flatMap(({ providers = [] }) => providers),
      git: had.flatMap(({ git = [] }) => git),
      routes: had.flatMap(({ routes = [] }) => routes),
    },
    notes: found.flatMap(({ part, problem }) =>
      problem === undefined
        ? []
        : [
            `${withoutBroker(part)}, as the other session had: ${problem}. Put what is missing into the environment of this process or its ` +
              'key file, or begin a session with a snapshot of the other one: create_session takes keys',
          ],
    ),
  };
}

async function problemOf(part: BrokerWish, parts: RouteParts): Promise<string | undefined> {
  const allowed = settle(() => decideWish(part, parts.rules));
  if ('verdict' in allowed) return allowed.reason;
  return brokerRoutes(part, parts).then(
    () => undefined,
    (error: unknown) => toPaddockError(error).message,
  );
}
