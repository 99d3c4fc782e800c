import type { Clock } from '../kit/clock.js';
import { identityText, isAlive } from '../kit/process-identity.js';
import type { CreateContext } from '../policy/create.js';
import { Admission } from './admission.js';
import { AdmissionRow } from './admission-row.js';
import { type HostRoom, readHostRoom } from './host-room.js';
import { isLive } from './judge-listed.js';
import { type Promised, promisedBy } from './promised.js';
import type { SessionRecord } from './record.js';
import type { RecordStore } from './store.js';

export interface UserAdmissionParts {
  readonly store: RecordStore;
  readonly policy: Pick<CreateContext, 'sitePolicy' | 'host'>;
  readonly clock: Clock;
  /** Of the running kernel. */
  readonly bootId: string;
  /** Whether whoever made a session lives; default: as /proc says. */
  readonly isAlive?: typeof isAlive;
  /** What the host has for sessions; default: as the kernel says. */
  readonly room?: () => HostRoom;
  /** The sessions that this process made; default: none. All that it only holds have records that tell of them. */
  readonly own?: {
    readonly promised: () => readonly Promised[];
    readonly isOwn: (session: Pick<SessionRecord, 'id' | 'owner'>) => boolean;
  };
}

/** One process's judge of whether there is room for more, over all sessions of the user. */
export function userAdmission(parts: UserAdmissionParts): Admission {
  const { policy, clock, own, room = readHostRoom } = parts;
  const { admission: rules, maxSessions } = policy.sitePolicy;
  const row = new AdmissionRow({
    ...{ rules, maxSessions, room, clock, cpuCount: policy.host.cpuCount },
    own: () => own?.promised() ?? [],
    others: () => promisedToOthers(parts),
  });
  return new Admission(row);
}

/** What the living sessions of this user were promised that this process did not make. */
async function promisedToOthers({
  store,
  clock,
  bootId,
  own,
  ...parts
}: UserAdmissionParts): Promise<readonly Promised[]> {
  const { records } = await store.list();
  const judging = { store, clock, bootId, isAlive: once(parts.isAlive ?? isAlive) };
  const others = records.filter((record) => own?.isOwn(record) !== true);
  const judged = others.map(async (record) => ((await isLive(record, judging)) ? [promisedBy(record)] : []));
  return (await Promise.all(judged)).flat();
}

/** Looks once for each process: one has made many sessions. */
function once(look: typeof isAlive): typeof isAlive {
  const looked = new Map<string, Promise<boolean>>();
  return (owner) => {
    const who = identityText(owner);
    const answer = looked.get(who) ?? look(owner);
    looked.set(who, answer);
    return answer;
  };
}
