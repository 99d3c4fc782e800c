import type { Clock } from '../../kit/clock.js';
import { canonicalJson } from '../canonical.js';
import { Forwarder, type ForwardState, oneLine } from './forwarder.js';
import { journalSocket, syslogSocket, tryForwarding } from './syslog-socket.js';

export interface ForwardOptions {
  /** `journald`, or the absolute path of a syslog socket. */
  readonly to: string;
  /** Whether records go there, and not only signed heads. */
  readonly records: boolean;
  /** Told when it begins to fail, and when it works again. */
  readonly onChange: (state: ForwardState) => void;
}

/** Where a log is forwarded to. Says there, first of all, which one. The caller disposes. Errors: AUDIT_NOT_FORWARDED. */
export async function openForwarding(
  { to, onChange }: ForwardOptions,
  about: { readonly logPath: string; readonly keyId: string; readonly clock: Clock },
): Promise<Forwarder> {
  const { logPath: log, keyId: key, clock } = about;
  const deliver = await syslogSocket(to === 'journald' ? journalSocket : to);
  await tryForwarding(deliver, oneLine(canonicalJson({ forwards: { log, key } })));
  return new Forwarder({ deliver, clock, onChange });
}
