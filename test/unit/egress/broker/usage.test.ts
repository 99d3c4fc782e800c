import { describe, expect, it, vi } from 'vitest';
import type { UsageTally } from '../../../../src/egress/broker/types.js';
import { AnthropicTally } from '../../../../src/egress/broker/usage/anthropic.js';
import { BedrockTally } from '../../../../src/egress/broker/usage/bedrock.js';
import { GoogleTally } from '../../../../src/egress/broker/usage/google.js';
import { messageReader } from '../../../../src/egress/broker/usage/messages.js';
import { OpenAiTally } from '../../../../src/egress/broker/usage/openai.js';
import { eventFrame } from './support/event-frame.js';

const none = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cacheWriteLong: 0 };
const events = (...all: object[]) => all.map((one) => `event: x\ndata: ${JSON.stringify(one)}\n\n`).join('');

/** Read as a whole and byte by byte: the same has to come out. */
function read(
  newTally: () => UsageTally,
  contentType: string,
  bytes: Buffer | string,
): ReturnType<UsageTally['result']> {
  const results = [Number.POSITIVE_INFINITY, 7, 1].map((size) => {
    const tally = newTally();
    const reader = messageReader(contentType, (message) => tally.add(message));
    const all = Buffer.from(bytes);
    for (let at = 0; at < all.length; at += size) reader.push(Buffer.from(all.subarray(at, at + size)));
    reader.end();
    return tally.result();
  });
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
  return results[0];
}

const sse = 'text/event-stream; charset=utf-8';

describe('usage of Anthropic', () => {
  const start = {
    type: 'message_start',
    message: {
      usage: {
        ...{ input_tokens: 10, output_tokens: 1, cache_read_input_tokens: 100, cache_creation_input_tokens: 50 },
        cache_creation: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 30 },
      },
    },
  };
  const cached = { input: 10, cacheRead: 100, cacheWrite: 20, cacheWriteLong: 30 };

  it('is what the last delta says', () => {
    const delta = { type: 'message_delta', usage: { output_tokens: 40 } };
    const stream = events(start, { type: 'ping' }, { type: 'content_block_delta', usage: 'x' }, delta);
    const result = read(() => new AnthropicTally(), sse, stream);
    expect(result).toEqual({ counts: { ...cached, output: 40 }, isFinal: true });
  });

  it('is not final when the stream is cut short', () => {
    const result = read(() => new AnthropicTally(), sse, events(start));
    expect(result).toEqual({ counts: { ...cached, output: 1 }, isFinal: false });
  });

  it('stands at the top of an answer that is no stream', () => {
    const body = JSON.stringify({ type: 'message', usage: { input_tokens: 3, output_tokens: 4 } });
    const result = read(() => new AnthropicTally(), 'application/json', body);
    expect(result).toEqual({ counts: { ...none, input: 3, output: 4 }, isFinal: true });
  });

  it('never falls, and takes no number that is none', () => {
    const odd = { input_tokens: -5, output_tokens: 1e300, cache_read_input_tokens: '7' };
    const result = read(() => new AnthropicTally(), sse, events(start, { type: 'message_delta', usage: odd }));
    expect(result?.counts).toEqual({ ...cached, output: 1 });
  });
});

describe('usage of OpenAI', () => {
  it('stands in the last event of a response', () => {
    const usage = { input_tokens: 100, output_tokens: 20, input_tokens_details: { cached_tokens: 60 } };
    const stream = events(
      { type: 'response.created', response: { usage: null } },
      { type: 'response.completed', response: { usage } },
    );
    const result = read(() => new OpenAiTally(), sse, stream);
    expect(result).toEqual({ counts: { ...none, input: 40, cacheRead: 60, output: 20 }, isFinal: true });
  });

  it('stands in the last chunk of a chat completion', () => {
    const usage = { prompt_tokens: 9, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 4 } };
    const stream = `${events({ choices: [{}], usage: null }, { choices: [], usage })}data: [DONE]\n\n`;
    const result = read(() => new OpenAiTally(), sse, stream);
    expect(result?.counts).toEqual({ ...none, input: 5, cacheRead: 4, output: 5 });
  });
});

describe('usage of Google', () => {
  const piece = (output: number, extra: object = {}) => ({
    candidates: [{ content: {}, ...extra }],
    usageMetadata: {
      promptTokenCount: 50,
      cachedContentTokenCount: 20,
      candidatesTokenCount: output,
      thoughtsTokenCount: 7,
    },
  });
  const counts = { ...none, input: 30, cacheRead: 20, output: 12 };

  it('is the sum until the last piece, thoughts among it', () => {
    const stream = events(piece(1), piece(5, { finishReason: 'STOP' }));
    expect(read(() => new GoogleTally(), sse, stream)).toEqual({ counts, isFinal: true });
    expect(read(() => new GoogleTally(), sse, events(piece(5)))).toEqual({ counts, isFinal: false });
  });

  it('is found in a list of pieces as well', () => {
    const body = JSON.stringify([piece(1), piece(5, { finishReason: 'STOP' })]);
    expect(read(() => new GoogleTally(), 'application/json', body)).toEqual({ counts, isFinal: true });
  });
});

describe('usage of Bedrock', () => {
  const type = 'application/vnd.amazon.eventstream';
  const inner = (one: object) => eventFrame({ bytes: Buffer.from(JSON.stringify(one)).toString('base64') });

  it('is that of the model’s maker, inside the frames', () => {
    const stream = Buffer.concat([
      inner({ type: 'message_start', message: { usage: { input_tokens: 3, cache_read_input_tokens: 9 } } }),
      inner({ type: 'message_delta', usage: { output_tokens: 4 } }),
      inner({ type: 'message_stop', 'amazon-bedrock-invocationMetrics': { inputTokenCount: 3, outputTokenCount: 4 } }),
    ]);
    const counts = { ...none, input: 3, output: 4, cacheRead: 9 };
    expect(read(() => new BedrockTally(), type, stream)).toEqual({ counts, isFinal: true });
  });

  it('is Bedrock’s own count where the maker says nothing', () => {
    const stream = inner({ 'amazon-bedrock-invocationMetrics': { inputTokenCount: 3, outputTokenCount: 4 } });
    expect(read(() => new BedrockTally(), type, stream)?.counts).toEqual({ ...none, input: 3, output: 4 });
  });

  it('is in the last frame, or at the top, of Converse', () => {
    const usage = { inputTokens: 1, outputTokens: 2, cacheReadInputTokens: 3, cacheWriteInputTokens: 4 };
    const counts = { input: 1, output: 2, cacheRead: 3, cacheWrite: 4, cacheWriteLong: 0 };
    const stream = Buffer.concat([eventFrame({ delta: {} }), eventFrame({ usage })]);
    expect(read(() => new BedrockTally(), type, stream)).toEqual({ counts, isFinal: true });
    expect(read(() => new BedrockTally(), 'application/json', JSON.stringify({ usage }))?.counts).toEqual(counts);
  });

  it('is unknown of frames that are none, and nothing is kept of them', () => {
    expect(read(() => new BedrockTally(), type, Buffer.alloc(1_000, 0xff))).toBeUndefined();
    expect(read(() => new BedrockTally(), type, Buffer.alloc(1_000))).toBeUndefined();
  });
});

it('an answer, or a line, past 8 MiB is not looked into, and what comes after such a line is', () => {
  const seen: unknown[] = [];
  const whole = messageReader('application/json', (message) => seen.push(message));
  const piece = Buffer.alloc(1024 * 1024, ' ');
  for (let index = 0; index < 9; index += 1) whole.push(piece);
  whole.push(Buffer.from('{}'));
  whole.end();
  expect(seen).toEqual([]);
  const lines = messageReader(sse, (message) => seen.push(message));
  lines.push(Buffer.from('data: "'));
  for (let index = 0; index < 9; index += 1) lines.push(piece);
  lines.push(Buffer.from('"\ndata: {"a":1}\n'));
  expect(seen).toEqual([{ a: 1 }]);
});

it('a frame past 1 MiB is none, and neither is what follows it', () => {
  const seen: unknown[] = [];
  const frames = messageReader('application/vnd.amazon.eventstream', (message) => seen.push(message));
  frames.push(eventFrame({ a: 1 }));
  frames.push(eventFrame({ text: 'x'.repeat(1024 * 1024) }));
  frames.push(eventFrame({ b: 1 }));
  expect(seen).toEqual([{ a: 1 }]);
});

it.each([
  ['application/vnd.amazon.eventstream', (body: object) => eventFrame(body)],
  [sse, (body: object) => Buffer.from(`data: ${JSON.stringify(body)}\n`)],
  ['application/json', (body: object) => Buffer.from(JSON.stringify(body))],
])('%s in pieces of one byte is copied a few times over, and not once for each piece', (type, encoded) => {
  const bytes = encoded({ text: 'x'.repeat(900_000) });
  const seen: unknown[] = [];
  const reader = messageReader(type, (message) => seen.push(message));
  const concat = vi.spyOn(Buffer, 'concat');
  const allocate = vi.spyOn(Buffer, 'allocUnsafe');
  for (const byte of bytes) reader.push(Buffer.from([byte]));
  reader.end();
  const allocated = allocate.mock.calls.reduce((sum, [size]) => sum + size, 0);
  const joined = concat.mock.calls.flatMap(([parts]) => parts).length;
  vi.restoreAllMocks();
  expect(seen).toHaveLength(1);
  expect(joined).toBe(0);
  expect(allocated).toBeLessThan(4 * bytes.length);
});
