import type { AuditRecorder } from '../../audit/audit-log.js';
import { plain } from '../../audit/redaction.js';
import type { EgressRefusal } from '../../core/egress.js';
import { SandboxError } from '../../core/errors.js';
import type { SessionId } from '../../core/ids.js';
import { connectTcp } from '../../egress/dial.js';
import type { EgressConnection } from '../../egress/door.js';
import { type Egress, openEgress } from '../../egress/egress.js';
import type { LookupTurns } from '../../egress/lookup-turns.js';
import type { Clock } from '../../kit/clock.js';
import type { Denials } from '../../monitor/alarms/denials.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { Questions } from './questions.js';

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
  if (parts.ask.length > 0) parts.onQuestions?.(parts.id, questions);
  const told = new Told(parts);
  const egress = await openEgress({
    ...{ listen, spec, clock: parts.clock, lookupTurns: parts.lookupTurns, brokered: parts.brokered ?? [] },
    // What the session was made with has been judged; beyond it goes what a person may be asked.
    ceiling: [...spec.allow, ...parts.ask],
    openAllowed: spec.allow.includes('*'),
    onRefusal: (refusal) => told.refused(refusal),
    onConnect: (connection) => told.connected(connection),
    connect: (address, port, signal) => {
      told.mustBeWritable();
      return connectTcp(address, port, signal);
    },
    ...(parts.ask.length > 0 && { ask: questions.ask }),
  });
  return new OpenSessionEgress(egress, questions, told);
}

/** Errors: CHANNEL_UNAVAILABLE. */
export function withoutChannel(): SandboxError {
  const message = 'an allowlist needs the channel, and here commands go through the engine';
  return new SandboxError('CHANNEL_UNAVAILABLE', message, {
    hint: 'Leave out `channel = "exec"` (PADDOCK_CHANNEL, --channel), or use network none.',
  });
}

class OpenSessionEgress implements SessionEgress {
  readonly questions: Questions;
  readonly #egress: Egress;
  readonly #told: Told;

  constructor(egress: Egress, questions: Questions, told: Told) {
    this.#egress = egress;
    this.#told = told;
    this.questions = questions;
  }

  get usage(): Egress['usage'] {
    return this.#egress.usage;
  }

  reserve(hosts: readonly string[]): void {
    this.#egress.reserve(hosts);
  }

  refusedSince(atMs: number): readonly EgressRefusal[] {
    return this.#egress.refusals().filter((one) => one.atMs >= atMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#egress[Symbol.asyncDispose]();
    await this.#told.over(this.#egress.usage);
  }
}

/** Places that a session may have in the audit log; a sandbox can make up as many names as it likes. */
const mostPlaces = 500;

/** What the audit log hears of one session's connections: the first to each place, refusals as they add up, and the sums at the end. */
class Told {
  readonly #parts: EgressParts;
  readonly #places = new Set<string>();
  #isBroken = false;
  #written: Promise<void> = Promise.resolve();

  constructor(parts: EgressParts) {
    this.#parts = parts;
  }

  connected({ host, port, address, rule, via }: EgressConnection): void {
    const place = `${host} ${port} ${address}`;
    if (this.#places.has(place) || this.#places.size >= mostPlaces) return;
    this.#places.add(place);
    const details = { host: plain(host), port, address: plain(address), via: plain(via), by: plain(rule) };
    this.#write('egress.connect', { verdict: 'allow', details });
  }

  refused({ host, port, via, ruleId: rule, count }: EgressRefusal): void {
    this.#parts.denials?.add();
    const details = { host: plain(host), port, via: plain(via), count };
    this.#write('egress.deny', { verdict: 'deny', result: 'POLICY_DENIED', rule, details });
  }

  async over({ total, bytesIn, bytesOut }: Egress['usage']): Promise<void> {
    if (total > 0) this.#write('egress.end', { details: { connections: total, bytesIn, bytesOut } });
    await this.#written;
  }

  /** Nothing is done that can't be recorded. */
  mustBeWritable(): void {
    if (this.#isBroken) throw new SandboxError('AUDIT_UNWRITABLE', 'connections can’t be recorded, so none are made');
  }

  #write(action: string, fields: Parameters<AuditRecorder['event']>[1]): void {
    const written = this.#parts.audit.event(action, { session: this.#parts.id, ...fields }).catch(() => {
      this.#isBroken = true;
    });
    this.#written = Promise.all([this.#written, written]).then(() => undefined);
  }
}
