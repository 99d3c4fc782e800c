import { eventStreamFrame } from '../event-stream.js';
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
