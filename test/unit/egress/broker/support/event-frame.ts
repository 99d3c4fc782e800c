import { eventStreamFrame } from '../../../../support/event-stream.js';

/** A frame of AWS's event stream with one header and a JSON payload. */
export function eventFrame(payload: unknown): Buffer {
  return eventStreamFrame({ ':event-type': 'chunk' }, Buffer.from(JSON.stringify(payload)));
}
