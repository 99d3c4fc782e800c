import type { AuditRecorder } from '../../audit/audit-log.js';
import type { EgressRefusal } from '../../core/egress.js';
import { SandboxError } from '../../core/errors.js';
import type { SessionId } from '../../core/ids.js';
import { connectTcp } from '../../egress/dial.js';
import { type Egress, openEgress } from '../../egress/egress.js';
import type { LookupTurns } from '../../egress/lookup-turns.js';
import type { FindSibling } from '../../egress/siblings.js';
import type { Clock } from '../../kit/clock.js';
import { sessionAsCulprit } from '../../monitor/alarms/burst.js';
import type { Denials } from '../../monitor/alarms/denials.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { EgressTold } from './egress-told.js';
import { LockFileNames } from './lock-file-names.js';
import { MovedBytes } from './moved-bytes.js';
import { Questions } from './questions.js';
import type { Siblings } from './siblings.js';

export interface EgressParts {
  readonly id: SessionId;
  readonly audit: AuditRecorder;
  readonly clock: Clock;
  /** What a person may be asked to let through: the policy's list. Empty: nobody is asked. */
  readonly ask: readonly string[];
  /** Hosts that are reached through the broker only. */
  readonly brokered?: readonly string[];
  /** Of all sessions of this process. */
  readonly lookupTurns?: LookupTurns | undefined;
  /** Where it is kept what a session has moved that outlives its holders; absent: it ends with this process. */
  readonly movedPath?: string | undefined;
  /** The sessions that this one sees, and is seen by, with network `internal`. */
  readonly siblings?: Siblings | undefined;
  /** Its name. */
  readonly name?: string | undefined;
  /** Counts what is refused, for the alarm; absent where nothing is watched. */
  readonly denials?: Pick<Denials, 'add'> | undefined;
  /** Puts questions to a person, besides whoever lists them (`Questions.list`). */
  readonly onQuestions?: ((id: SessionId, questions: Questions) => void) | undefined;
}

/** The way out of one session, as long as this process holds it. Whoever holds the session disposes it. */
export interface SessionEgress extends AsyncDisposable {
  /** What was refused at that time (milliseconds since the epoch) or later, as far as it is among the newest hundred. */
  refusedSince(atMs: number): readonly EgressRefusal[];
  readonly usage: Egress['usage'];
  readonly questions: Questions;
  /** From now on these hosts are reached through the broker only (`Egress.reserve`). */
  reserve(hosts: readonly string[]): void;
}

/**
 * Lets the programs of a sandbox out, as far as its list goes; undefined where it has no network at all. Each first connection to a place is in
 * the audit log; where the log can't be written, no further one is made. Errors: CHANNEL_UNAVAILABLE with the engine's exec, whose sandboxes
 * have no way out, or when the ports inside are taken; SESSION_ENDED.
 */
export async function openSessionEgress(sandbox: Sandbox, parts: EgressParts): Promise<SessionEgress | undefined> {
  const { egress: spec } = sandbox.handle.spec;
  if (spec === undefined) return undefined;
  const { listen } = sandbox;
  if (listen === undefined) throw withoutChannel();
  const questions = new Questions(parts.clock);
  const ask = asksPeople(sandbox.handle.spec) ? parts.ask : [];
  if (ask.length > 0) parts.onQuestions?.(parts.id, questions);
  const told = new EgressTold(parts);
  const moved = parts.movedPath === undefined ? undefined : new MovedBytes(parts.movedPath, spec.bytes);
  const egress = await openEgress({
    ...{ moved, listen, spec, clock: parts.clock, lookupTurns: parts.lookupTurns, brokered: parts.brokered ?? [] },
    // What the session was made with has been judged; beyond it goes what a person may be asked.
    ceiling: [...spec.allow, ...ask],
    openAllowed: spec.allow.includes('*'),
    onRefusal: (refusal) => told.refused(refusal),
    heard: {
      onEach: (rule) => parts.denials?.add('connection', rule, sessionAsCulprit(parts.id)),
      onUntold: (count) => told.untold(count),
    },
    onConnect: (connection) => told.connected(connection),
    connect: (address, port, signal) => {
      told.mustBeWritable();
      return connectTcp(address, port, signal);
    },
    findSibling: siblingsSeen(sandbox, parts, told),
    ...(ask.length > 0 && { ask: questions.ask }),
  }).catch((error: unknown) => {
    moved?.[Symbol.dispose]();
    throw error;
  });
  const project = sandbox.handle.spec.mounts.find(({ purpose }) => purpose === 'workspace')?.hostPath;
  return new OpenSessionEgress({
    egress,
    questions,
    told,
    moved,
    named: project === undefined ? undefined : new LockFileNames(project),
    joined: joined(sandbox, parts),
  });
}

/** With network `internal` nobody asked for anything beyond siblings, unless there is a list as well. */
function asksPeople({ network, egress }: Sandbox['handle']['spec']): boolean {
  return network === 'allowlist' || (egress !== undefined && egress.allow.length > 0);
}

/** They are reached only where that can be recorded, too. */
function siblingsSeen({ handle }: Sandbox, { siblings }: EgressParts, told: EgressTold): FindSibling | undefined {
  if (handle.spec.network !== 'internal' || siblings === undefined) return undefined;
  return async (host, port) => {
    const found = await siblings.find(host, port);
    if (found.verdict === 'deny') return found;
    const connect: typeof found.connect = async (signal) => {
      told.mustBeWritable();
      return await found.connect(signal);
    };
    return { ...found, connect };
  };
}

function joined({ dial, handle }: Sandbox, { siblings, id, name }: EgressParts): Disposable | undefined {
  const { network, ports = [] } = handle.spec;
  if (network !== 'internal' || name === undefined || dial === undefined) return undefined;
  return siblings?.join({ id, name, ports, dial });
}

/** Errors: CHANNEL_UNAVAILABLE. */
export function withoutChannel(): SandboxError {
  const message = 'a way out needs the channel, and here commands go through the engine';
  return new SandboxError('CHANNEL_UNAVAILABLE', message, {
    hint: 'Leave out `channel = "exec"` (PADDOCK_CHANNEL, --channel), or use network none.',
  });
}

interface OpenParts {
  readonly egress: Egress;
  readonly questions: Questions;
  readonly told: EgressTold;
  readonly named: LockFileNames | undefined;
  readonly moved: MovedBytes | undefined;
  readonly joined: Disposable | undefined;
}

class OpenSessionEgress implements SessionEgress {
  readonly questions: Questions;
  readonly #egress: Egress;
  readonly #told: EgressTold;
  readonly #named: LockFileNames | undefined;
  readonly #moved: MovedBytes | undefined;
  readonly #joined: Disposable | undefined;

  constructor({ egress, questions, told, named, moved, joined }: OpenParts) {
    this.#egress = egress;
    this.#told = told;
    this.#named = named;
    this.#moved = moved;
    this.#joined = joined;
    this.questions = questions;
  }

  get usage(): Egress['usage'] {
    return this.#egress.usage;
  }

  reserve(hosts: readonly string[]): void {
    this.#egress.reserve(hosts);
  }

  refusedSince(atMs: number): readonly EgressRefusal[] {
    const refused = this.#egress.refusals().filter((one) => one.atMs >= atMs);
    return refused.map((one) => ({ ...one, namedIn: this.#named?.filesFor(one) }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#joined?.[Symbol.dispose]();
    await this.#egress[Symbol.asyncDispose]();
    this.#moved?.[Symbol.dispose]();
    await this.#named?.[Symbol.asyncDispose]();
    await this.#told.over(this.#egress.usage);
  }
}
