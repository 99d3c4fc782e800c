import type { Duplex } from 'node:stream';
import type { PublishedPort } from '../../core/egress.js';
import type { SessionId } from '../../core/ids.js';
import type { FindSibling, Sibling } from '../../egress/siblings.js';
import type { Host } from '../../policy/egress/host.js';
import { decideInternal, readInternal, type SiblingFacts } from '../../policy/egress/internal.js';
import { refuse } from '../../policy/egress/refuse.js';
import type { Denied } from '../../policy/verdict.js';

/** One session that others of the same process may know by its name. */
export interface Member {
  readonly id: SessionId;
  readonly name: string;
  readonly ports: readonly PublishedPort[];
  readonly dial: (port: number, signal: AbortSignal) => Promise<Duplex>;
}

/** Into one session at once: what its siblings take of its connections is missing for its own way out. */
const mostInto = 64;
const mostEnded = 100;

/**
 * The sessions with network `internal` that this process holds. They are of one caller: a server has one client, and the keeper one user.
 * What another process holds is not reached, and told apart by `isElsewhere`.
 */
export class Siblings {
  readonly #members = new Map<string, Member & { connections: number }>();
  /** Names of the newest that have gone, the newest last. */
  readonly #ended = new Set<string>();
  readonly #isElsewhere: (name: string) => Promise<boolean>;
  readonly #asked = new Map<string, Promise<boolean>>();

  /** `isElsewhere`: whether there is such a session at all. Asked once at a time for each name. */
  constructor(isElsewhere: (name: string) => Promise<boolean>) {
    this.#isElsewhere = isElsewhere;
  }

  has(name: string): boolean {
    return this.#members.has(name);
  }

  /** Known by its name until that is disposed. Where the name is taken already the first one keeps it. */
  join(member: Member): Disposable {
    const { name } = member;
    if (this.#members.has(name)) return { [Symbol.dispose]: () => undefined };
    const joined = { ...member, connections: 0 };
    this.#members.set(name, joined);
    this.#ended.delete(name);
    return { [Symbol.dispose]: () => this.#leave(joined) };
  }

  readonly find: FindSibling = async (host: Host, port: number): Promise<Sibling | Denied> => {
    const name = readInternal(host)?.session;
    const member = name === undefined ? undefined : this.#members.get(name);
    const verdict = decideInternal(host, port, member ?? (await this.#absent(name)));
    if (verdict.verdict === 'deny') return verdict;
    // It may have gone while others were asked for; only of a member there is anything to allow.
    if (member === undefined) return refuse('internal.ended', `the session ${name} has ended`);
    if (member.connections >= mostInto)
      return refuse('egress.limit', `${member.name} has ${mostInto} connections from its siblings`);
    const connect = (signal: AbortSignal) => this.#connect(member, verdict.port, signal);
    return { verdict: 'allow', session: member.id, port: verdict.port, connect };
  };

  async #absent(name: string | undefined): Promise<SiblingFacts> {
    if (name === undefined) return undefined;
    if (this.#ended.has(name)) return 'ended';
    // A sandbox may ask as often as it likes, and each answer reads the user's records.
    let asked = this.#asked.get(name);
    if (asked === undefined) {
      asked = this.#isElsewhere(name).catch(() => false);
      this.#asked.set(name, asked);
      void asked.finally(() => this.#asked.delete(name));
    }
    return (await asked) ? 'elsewhere' : undefined;
  }

  async #connect(member: Member & { connections: number }, port: number, signal: AbortSignal): Promise<Duplex> {
    member.connections += 1;
    const leave = () => {
      member.connections -= 1;
    };
    try {
      const socket = await member.dial(port, signal);
      socket.on('error', () => undefined).once('close', leave);
      return socket;
    } catch (error) {
      leave();
      throw error;
    }
  }

  #leave(member: Member): void {
    if (this.#members.get(member.name)?.id !== member.id) return;
    this.#members.delete(member.name);
    this.#ended.add(member.name);
    const [oldest] = this.#ended;
    if (this.#ended.size > mostEnded && oldest !== undefined) this.#ended.delete(oldest);
  }
}
