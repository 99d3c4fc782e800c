import type { IncomingMessage } from 'node:http';
import { Transform } from 'node:stream';
import { StructureCount } from '../../kit/structure-count.js';
import { isObject, type Json, type JsonObject } from '../../policy/json.js';
import { Gathered } from './gathered.js';
import type { BrokerLimits } from './limits.js';
import { BrokerRefused } from './rules.js';

/** What all requests of one broker hold in memory together. */
export interface HeldBodies {
  bytes: number;
}

/**
 * Reads a model call's body whole and parses it. Throws BrokerRefused: `broker.body`, `broker.body-size`, `broker.busy`.
 * Whoever calls takes `bytes` off `held` when it holds the body no longer.
 */
export async function readJson(
  request: IncomingMessage,
  limits: BrokerLimits,
  held: HeldBodies,
): Promise<{ readonly body: JsonObject; readonly bytes: number }> {
  const coding = request.headers['content-encoding'] ?? 'identity';
  if (coding !== 'identity') throw new BrokerRefused('broker.body', 'the body is compressed');
  const whole = new Gathered();
  const structure = new StructureCount();
  let bytes = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      bytes += part.length;
      held.bytes += part.length;
      if (bytes > limits.bodyBytes) throw tooLarge(limits.bodyBytes);
      if (held.bytes > limits.heldBytes) throw new BrokerRefused('broker.busy', 'too many large bodies at once');
      structure.push(part);
      if (structure.count > limits.bodyItems) throw tooMany(limits.bodyItems);
      whole.push(part);
    }
    return { body: parse(whole.bytes), bytes };
  } catch (error) {
    held.bytes -= bytes;
    throw error;
  }
}

function parse(bytes: Buffer): JsonObject {
  let value: Json;
  try {
    // Fatal: bytes that are no UTF-8 would be read in more than one way.
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Json;
  } catch (cause) {
    throw new BrokerRefused('broker.body', 'the body is no JSON', { cause });
  }
  if (!isObject(value)) throw new BrokerRefused('broker.body', 'the body is no JSON object');
  return value;
}

/**
 * The body that goes on: what was parsed and judged, written anew, and never the bytes that came. Of a key that stands there twice only
 * the value that was judged is left, and so it is with every other way in which two parsers can read one text differently.
 */
export function writeJson(body: Json): Buffer {
  try {
    return Buffer.from(JSON.stringify(body));
  } catch (cause) {
    // The stack's end: it parses without recursion and writes with it.
    throw new BrokerRefused('broker.body', 'the body is nested too deeply', { cause });
  }
}

/** Ends a body that is passed on as it comes once it is too large. `onBytes` hears of each piece before it goes on, and may throw. */
export function bounded(limitBytes: number, onBytes: (count: number) => void): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > limitBytes) {
        done(tooLarge(limitBytes));
        return;
      }
      try {
        onBytes(chunk.length);
        done(null, chunk);
      } catch (error) {
        done(error as Error);
      }
    },
  });
}

function tooLarge(limitBytes: number): BrokerRefused {
  return new BrokerRefused('broker.body-size', `the body has more than ${limitBytes} bytes`);
}

function tooMany(limitItems: number): BrokerRefused {
  return new BrokerRefused('broker.body-size', `the body has more than ${limitItems} lists, objects and items`);
}
