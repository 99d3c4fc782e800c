import type { Clock } from '../kit/clock.js';
import { safeLine } from '../kit/safe-text.js';
import { type AnchorOptions, AnchorWriter } from './anchor/anchor-writer.js';
import { type ForwardState, oneLine } from './forward/forwarder.js';
import { type ForwardOptions, openForwarding } from './forward/forwarding.js';

interface Parts {
  readonly path: string;
  readonly clock: Clock;
  readonly anchor?: AnchorOptions;
  readonly forward?: ForwardOptions;
  readonly onTrouble?: (what: string) => void;
}

/** What leaves a log while it is written: signed heads to a file, and these, and records on wish, to a syslog. */
export interface Heads extends AsyncDisposable {
  /** A record was appended, with its newline. */
  appended(bytes: Buffer): void;
}

/** The caller disposes, after the log was closed. `onRecord` has what the log is to say of it. Errors: AUDIT_NOT_FORWARDED. */
export async function openHeads(parts: Parts, onRecord: (state: ForwardState) => void): Promise<Heads> {
  const { path: logPath, clock, anchor, forward, onTrouble } = parts;
  let isClosed = false;
  const onChange = (state: ForwardState) => {
    forward?.onChange(state);
    onTrouble?.(inWords(state));
    if (!isClosed) onRecord(state);
  };
  const about = { logPath, clock, keyId: anchor?.key.publicKey.id ?? '' };
  const forwarder = forward && (await openForwarding({ ...forward, onChange }, about));
  const send = forwarder && ((json: string) => forwarder.send(oneLine(json)));
  const writer = anchor && new AnchorWriter({ ...anchor, logPath, clock, onTrouble, forward: send });
  return {
    appended: (bytes) => {
      writer?.appended();
      if (forward?.records === true) send?.(bytes.toString().trim());
    },
    [Symbol.asyncDispose]: async () => {
      isClosed = true;
      await writer?.[Symbol.asyncDispose]();
      await forwarder?.[Symbol.asyncDispose]();
    },
  };
}

function inWords({ isOk, lost, why = '' }: ForwardState): string {
  const without = lost > 0 ? `; ${lost} lines were given up` : '';
  return isOk
    ? `the audit log is forwarded again${without}`
    : `the audit log is not forwarded: ${safeLine(why)}${without}`;
}
