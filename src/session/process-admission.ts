import type { SessionId } from '../core/ids.js';
import type { Clock } from '../kit/clock.js';
import { known } from '../kit/known.js';
import type { Admission } from './admission.js';
import { promisedBy } from './promised.js';
import type { Session } from './session.js';
import type { SessionsOptions } from './sessions-options.js';
import { userAdmission } from './user-admission.js';

type ProcessParts = Pick<SessionsOptions, 'policy' | 'store' | 'owner' | 'room' | 'isAlive'> & {
  readonly clock: Clock;
};

/** One judge of whether there is room for all that this process makes, whoever in it has which sessions. */
export function processAdmission(
  { policy, clock, store, owner, ...more }: ProcessParts,
  all: () => readonly { readonly list: readonly Session[] }[],
): Admission {
  const live = () => all().flatMap(({ list }) => list);
  return userAdmission({
    ...{ store, policy, clock, bootId: owner.bootId, ...known({ room: more.room, isAlive: more.isAlive }) },
    own: {
      promised: () =>
        live()
          .filter(({ sandbox }) => sandbox.alive)
          .map(({ record }) => promisedBy(record)),
      isOwn: ({ id, owner: { pid, startTimeTicks } }) =>
        live().some((session) => session.id === (id as SessionId)) ||
        (pid === owner.pid && startTimeTicks === owner.startTimeTicks),
    },
  });
}
