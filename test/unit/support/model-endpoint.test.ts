import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ModelEndpoint } from '../../support/models/endpoint.js';

const paths = {
  anthropic: '/x/v1/messages?beta=true',
  bedrock: '/x/model/a%3A0/invoke-with-response-stream',
  gemini: '/x/v1beta/models/a:streamGenerateContent?alt=sse',
  openaiChat: '/x/v1/chat/completions',
  openaiResponses: '/x/v1/responses',
} as const;

const offers: Readonly<Record<keyof typeof paths, object>> = {
  anthropic: { tools: [{ name: 'Bash' }] },
  bedrock: { tools: [{ name: 'Bash' }] },
  gemini: { tools: [{ functionDeclarations: [{ name: 'run_shell_command' }] }] },
  openaiChat: { tools: [{ type: 'function', function: { name: 'bash' } }] },
  openaiResponses: { tools: [{ type: 'function', name: 'exec_command' }] },
};
const names = Object.keys(paths) as (keyof typeof paths)[];

function ask(model: ModelEndpoint, dialect: keyof typeof paths, body: object = offers[dialect], signal?: AbortSignal) {
  const headers = { authorization: 'Bearer a-key' };
  return fetch(model.url + paths[dialect], {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
}

describe.each(names)('the model endpoint, in the dialect of %s', (dialect) => {
  it('plays its steps in order, then says that it is done, and takes no step for a request without tools', async () => {
    await using model = await ModelEndpoint.open();
    model.script([{ run: 'a-command' }]);
    const texts: string[] = [];
    for (const body of [{}, offers[dialect], offers[dialect]]) {
      texts.push(plain(dialect, Buffer.from(await (await ask(model, dialect, body)).arrayBuffer())));
    }
    expect(texts.map((text) => /a title|a-command|done/.exec(text)?.[0])).toEqual(['a title', 'a-command', 'done']);
    expect(model.modelRequests().map((request) => request.headers['authorization'])).toEqual(
      Array(3).fill('Bearer a-key'),
    );
  });

  it('answers with a status, breaks off in the middle, and floods until whoever asked goes away', async () => {
    await using model = await ModelEndpoint.open();
    model.script([{ fault: 'status', status: 529 }, { fault: 'cut' }], { fault: 'flood' });
    expect((await ask(model, dialect)).status).toBe(529);
    await expect((await ask(model, dialect)).arrayBuffer()).rejects.toThrow();
    const abort = new AbortController();
    const flood = await ask(model, dialect, offers[dialect], abort.signal);
    let bytes = 0;
    await expect(async () => {
      for await (const piece of flood.body!) {
        bytes += (piece as Uint8Array).length;
        if (bytes > 1_000_000) abort.abort();
      }
    }).rejects.toThrow(/abort/);
  });

  it('never answers when told to hang', async () => {
    await using model = await ModelEndpoint.open();
    model.script([], { fault: 'hang' });
    const abort = new AbortController();
    const answer = ask(model, dialect, offers[dialect], abort.signal);
    await expect.poll(() => model.requests.length).toBe(1);
    abort.abort();
    await expect(answer).rejects.toThrow(/abort/);
  });
});

it('answers what is no request for a model with 404, and records it', async () => {
  await using model = await ModelEndpoint.open();
  expect((await fetch(`${model.url}/inference-profiles`)).status).toBe(404);
  expect(model.requests).toMatchObject([{ method: 'GET', path: '/inference-profiles' }]);
  expect(model.modelRequests()).toEqual([]);
});

/** The text of an answer; that of Bedrock is in frames, whose check sums are verified. */
function plain(dialect: string, bytes: Buffer): string {
  if (dialect !== 'bedrock') return bytes.toString();
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const frame = bytes.subarray(at, at + bytes.readUInt32BE(at));
    expect(frame.readUInt32BE(8)).toBe(crc32(frame.subarray(0, 8)));
    expect(frame.readUInt32BE(frame.length - 4)).toBe(crc32(frame.subarray(0, -4)));
    const payload = frame.subarray(12 + frame.readUInt32BE(4), -4).toString();
    text += Buffer.from((JSON.parse(payload) as { bytes: string }).bytes, 'base64').toString();
    at += frame.length;
  }
  return text;
}
