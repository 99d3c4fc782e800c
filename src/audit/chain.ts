import { AuditError } from '../core/errors.js';
import { randomBase32 } from '../kit/random-id.js';
import { canonicalJson, canonicalMembers, ofMembers } from './canonical.js';
import type { FileTail } from './file-tail.js';
import { type AuditRecord, type ChainPosition, maxRecordBytes, recordSchema, sha256 } from './record.js';

/** A record but for what its place in the chain and in the file gives it. */
export type Draft = Omit<AuditRecord, 'v' | 'time' | 'chain' | 'seq' | 'prev' | 'link' | 'repairs' | 'hash'>;

export interface Sealed {
  readonly record: AuditRecord;
  /** What is appended: the line with its newline, behind one more newline when it closes a torn line. */
  readonly bytes: Buffer;
  readonly lineSha256: string;
}

/** The records of one writer. `seal` makes the next one, `advance` says that it is in the file. No I/O. */
export class Chain {
  readonly id = randomBase32(26);
  #seq = 0;
  #prev: string | undefined;
  #lineSha256: string | undefined;

  /** The last record that is known to be in the file. */
  get position(): ChainPosition | undefined {
    return this.#prev === undefined ? undefined : { chain: this.id, seq: this.#seq - 1, hash: this.#prev };
  }

  /** Digest of the last line that this chain appended. */
  get lineSha256(): string | undefined {
    return this.#lineSha256;
  }

  /** Throws AUDIT_UNWRITABLE when the record is not one that a verifier would accept; nothing has been written then. */
  seal(draft: Draft, timeMs: number, around: FileTail): Sealed {
    const ownLineIsLast = around.lastLineSha256 === this.#lineSha256;
    const body: Omit<AuditRecord, 'hash'> = {
      ...draft,
      v: 1,
      time: new Date(timeMs).toISOString(),
      chain: this.id,
      seq: this.#seq,
      prev: this.#prev ?? null,
      ...(draft.phase === 'intent' ? { id: `${this.id}.${this.#seq}` } : {}),
      ...(around.lastLineSha256 === undefined || ownLineIsLast ? {} : { link: around.lastLineSha256 }),
      ...(around.repairs === undefined ? {} : { repairs: around.repairs }),
    };
    return encode(body, around.isTorn ? '\n' : '');
  }

  advance(sealed: Sealed): void {
    this.#seq += 1;
    this.#prev = sealed.record.hash;
    this.#lineSha256 = sealed.lineSha256;
  }
}

function encode(body: Omit<AuditRecord, 'hash'>, lead: string): Sealed {
  let { record, line } = hashed(body);
  if (Buffer.byteLength(line) >= maxRecordBytes && body.details !== undefined) {
    const details = canonicalJson(body.details);
    const short = { omittedBytes: Buffer.byteLength(details), omittedSha256: sha256(details) };
    ({ record, line } = hashed({ ...body, details: short }));
  }
  const bytes = Buffer.from(`${lead}${line}\n`);
  const checked = recordSchema.safeParse(record);
  if (bytes.length > maxRecordBytes + lead.length || !checked.success) {
    const why = checked.success ? `it is ${bytes.length} bytes long` : (checked.error.issues[0]?.message ?? 'unknown');
    throw new AuditError('AUDIT_UNWRITABLE', `the audit record of ${body.action} is not a valid one: ${why}`);
  }
  return { record, bytes, lineSha256: sha256(line) };
}

/** As `recordHash` and `canonicalJson` have it, with the text of every member made once: each command costs two of these. */
function hashed(body: Omit<AuditRecord, 'hash'>): { readonly record: AuditRecord; readonly line: string } {
  const members = canonicalMembers(body);
  const hash = sha256(ofMembers(members));
  members.push(['hash', JSON.stringify(hash)]);
  return { record: { ...body, hash }, line: ofMembers(members) };
}
