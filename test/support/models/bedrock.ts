import { crc32 } from 'node:zlib';
import { type MessageEvent, messageEvents } from './anthropic.js';
import { type Dialect, hasTools } from './steps.js';

/** Anthropic's models as Bedrock serves them: the same events, each in a frame of AWS's event stream. */
export const bedrock: Dialect = {
  path: /\/model\/[^/]+\/invoke-with-response-stream$/,
  contentType: 'application/vnd.amazon.eventstream',
  usesTools: hasTools,
  answer: (answer, body, id) => messageEvents(answer, body, id).map(chunk),
  flood(body, id) {
    const [start, block, delta] = messageEvents({ say: 'x'.repeat(8192) }, body, id);
    return { beginning: [start, block].map((event) => chunk(event!)), more: chunk(delta!) };
  },
  error: (status) => JSON.stringify({ message: `status ${status}` }),
};

function chunk(event: MessageEvent): Uint8Array {
  const bytes = Buffer.from(JSON.stringify(event)).toString('base64');
  const headers = { ':event-type': 'chunk', ':content-type': 'application/json', ':message-type': 'event' };
  return eventStreamFrame(headers, Buffer.from(JSON.stringify({ bytes })));
}

/** Total length, length of the headers, CRC of both; headers (all of type 7, string); payload; CRC of everything before. */
function eventStreamFrame(headers: Readonly<Record<string, string>>, payload: Uint8Array): Uint8Array {
  const fields = Object.entries(headers).map(([name, value]) => {
    const size = Buffer.alloc(2);
    size.writeUInt16BE(Buffer.byteLength(value));
    return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from([7]), size, Buffer.from(value)]);
  });
  const head = Buffer.concat(fields);
  const prelude = Buffer.alloc(8);
  prelude.writeUInt32BE(16 + head.length + payload.length, 0);
  prelude.writeUInt32BE(head.length, 4);
  const whole = Buffer.concat([prelude, checksum(prelude), head, payload]);
  return Buffer.concat([whole, checksum(whole)]);
}

function checksum(bytes: Uint8Array): Uint8Array {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(bytes));
  return sum;
}
