import { plain } from '../../audit/redaction.js';
import type { EgressRefusal } from '../../core/egress.js';
import { SandboxError } from '../../core/errors.js';
import type { EgressConnection } from '../../egress/door.js';
import type { Egress } from '../../egress/egress.js';
import { Told, type ToldParts } from '../told.js';

/** Places that a session may have in the audit log; a sandbox can make up as many names as it likes. */
const mostPlaces = 500;

/** What the audit log hears of one session's connections: the first to each place, refusals as they add up, and the sums at the end. */
export class EgressTold {
  readonly #told: Told;
  readonly #places = new Set<string>();
  /** Rules by which more places were reached than are listed. */
  readonly #full = new Set<string>();
  #unlisted = 0;

  constructor(parts: ToldParts) {
    this.#told = new Told(parts);
  }

  connected({ host, port, address, rule, via }: EgressConnection): void {
    const place = `${host} ${port} ${address}`;
    if (this.#places.has(place)) return;
    if (this.#places.size >= mostPlaces) {
      this.#further(rule);
      return;
    }
    this.#places.add(place);
    const details = { host: plain(host), port, address: plain(address), via: plain(via), by: plain(rule) };
    this.#told.write('egress.connect', { verdict: 'allow', details });
  }

  refused({ host, port, via, ruleId: rule, count }: EgressRefusal): void {
    const details = { host: plain(host), port, via: plain(via), count };
    this.#told.write('egress.deny', { verdict: 'deny', result: 'POLICY_DENIED', rule, details });
  }

  untold(count: number): void {
    const details = { note: plain(`${count} more were not told`), count };
    this.#told.write('egress.deny', { verdict: 'deny', result: 'POLICY_DENIED', details });
  }

  /** Once for each rule; rules come from people, and are few. */
  #further(rule: string): void {
    this.#unlisted += 1;
    if (this.#full.has(rule)) return;
    this.#full.add(rule);
    const details = { by: plain(rule), note: plain('further places are not listed') };
    this.#told.write('egress.connect', { verdict: 'allow', details });
  }

  async over({ total, bytesIn, bytesOut }: Egress['usage']): Promise<void> {
    if (total > 0)
      this.#told.write('egress.end', { details: { connections: total, bytesIn, bytesOut, unlisted: this.#unlisted } });
    await this.#told.settled();
  }

  /** Nothing is done that can't be recorded. */
  mustBeWritable(): void {
    if (this.#told.isBroken)
      throw new SandboxError('AUDIT_UNWRITABLE', 'connections can’t be recorded, so none are made');
  }
}
