import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { awsSigner } from '../../../../src/egress/broker/credentials/sigv4.js';
import { bedrockRoute } from '../../../../src/egress/broker/routes/bedrock.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { Secret } from '../../../../src/kit/secret.js';
import { eventFrame } from './support/event-frame.js';
import { type SeenRequest, sendJson } from './support/fake-provider.js';
import { ask } from './support/inside.js';
import { opened } from './support/open.js';

const secret = 'wJalr-canary-secret-access-key-0123456789';
const session = 'canary-session-token-0123456789';
const region = 'eu-central-1';
const clock = { ...systemClock, now: () => Date.parse('2026-11-23T01:02:03Z') };

const keys = () =>
  Promise.resolve({
    accessKeyId: 'AKIACANARY',
    secretAccessKey: new Secret(secret),
    sessionToken: new Secret(session),
  });
const routes = (upstream: URL) => [
  bedrockRoute({ region, upstream, authenticate: awsSigner({ keys, region, service: 'bedrock', clock }) }),
];

/** The signature as AWS's document of Signature Version 4 says how to reckon it, from what the provider received. */
function expectedSignature(request: SeenRequest, signedHeaders: string): string {
  const hash = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
  const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();
  const encode = (text: string) =>
    text.replaceAll(/[^A-Za-z0-9\-._~/]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
  const [path = '', query = ''] = request.url.split('?');
  const names = signedHeaders.split(';');
  const canonical = [
    request.method,
    // Encoded once more than it is on the wire, as for every service but S3.
    encode(path),
    query,
    ...names.map((name) => `${name}:${String(request.headers[name]).trim().replaceAll(/ +/g, ' ')}`),
    '',
    signedHeaders,
    hash(request.body),
  ].join('\n');
  const scope = `20261123/${region}/bedrock/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', '20261123T010203Z', scope, hash(canonical)].join('\n');
  const signing = ['20261123', region, 'bedrock', 'aws4_request'].reduce<Buffer | string>(hmac, `AWS4${secret}`);
  return hmac(signing, text).toString('hex');
}

describe('a call to Bedrock', () => {
  const arn = 'arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-x-v1:0';

  it.each([
    ['a name', 'anthropic.claude-3-5-haiku-20241022-v1%3A0', 'anthropic.claude-3-5-haiku-20241022-v1%3A0'],
    [
      'a name with its colon in clear',
      'anthropic.claude-3-5-haiku-20241022-v1:0',
      'anthropic.claude-3-5-haiku-20241022-v1%3A0',
    ],
    ['an ARN', encodeURIComponent(arn), encodeURIComponent(arn)],
  ])('is signed for exactly what is sent, with %s for a model', async (_what, model, sent) => {
    await using all = await opened(
      (_request, response) => sendJson(response, { usage: { inputTokens: 1 } }),
      {},
      routes,
    );
    const path = `/bedrock/model/${model}/invoke`;
    const headers = { authorization: 'AWS4-HMAC-SHA256 Credential=x', 'x-amz-date': 'x', 'x-amz-content-sha256': 'x' };
    expect((await ask(all.broker, { path, body: '{"messages":[]}', headers })).status).toBe(200);
    const [seen] = all.provider.seen;
    expect(seen?.url).toBe(`/model/${sent}/invoke`);
    expect(seen?.headers).toMatchObject({ 'x-amz-date': '20261123T010203Z', 'x-amz-security-token': session });
    const form =
      /^AWS4-HMAC-SHA256 Credential=AKIACANARY\/20261123\/eu-central-1\/bedrock\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/;
    const [, signed = '', signature] = form.exec(seen?.headers.authorization ?? '') ?? [];
    expect(signed.split(';')).toEqual(expect.arrayContaining(['host', 'x-amz-date', 'x-amz-security-token']));
    expect(signature).toBe(seen && expectedSignature(seen, signed));
  });

  it.each([
    ['another operation', '/bedrock/model/anthropic.claude-x/async-invoke'],
    ['all that is there', '/bedrock/foundation-models'],
    ['a guardrail', '/bedrock/guardrail/x/version/1/apply'],
    ['a stored prompt', `/bedrock/model/${encodeURIComponent('arn:aws:bedrock:us-east-1:1:prompt/X')}/converse`],
    ['a way up', `/bedrock/model/${encodeURIComponent('../x')}/invoke`],
    ['a slash in a name', '/bedrock/model/a%2Fb/invoke'],
  ])('is refused with %s', async (_what, path) => {
    await using all = await opened((_request, response) => void response.end(), {}, routes);
    const answer = await ask(all.broker, { path, body: '{}' });
    expect(answer.headers['x-paddock-rule']).toMatch(/^broker\.(?:path|request)$/);
    expect(all.provider.seen).toEqual([]);
  });

  it('gives a stream back as it is, with its tokens counted, and strikes the session’s token out of a failure', async () => {
    const frames = Buffer.concat([
      eventFrame({ delta: { text: 'x' } }),
      eventFrame({ usage: { inputTokens: 7, outputTokens: 2 } }),
    ]);
    await using all = await opened(
      (request, response) => {
        const isFine = request.url.endsWith('converse-stream');
        response.writeHead(isFine ? 200 : 403, { 'content-type': 'application/vnd.amazon.eventstream' });
        response.end(isFine ? frames : `The Canonical String was x-amz-security-token:${session} ${secret}`);
      },
      {},
      routes,
    );
    const base = '/bedrock/model/anthropic.claude-x';
    const streamed = await ask(all.broker, { path: `${base}/converse-stream`, body: '{}' });
    expect(streamed.text).toBe(frames.toString());
    expect(all.uses).toMatchObject([
      { model: 'anthropic.claude-x', tokens: { input: 7, output: 2 }, isReckoned: false },
    ]);
    const failed = await ask(all.broker, { path: `${base}/converse`, body: '{}' });
    expect(failed.text).toBe(
      `The Canonical String was x-amz-security-token:${'*'.repeat(session.length)} ${'*'.repeat(secret.length)}`,
    );
  });

  it('goes to the region’s own address, and no odd region is one', () => {
    const authenticate = awsSigner({ keys, region, service: 'bedrock', clock });
    const host = (one: string) => bedrockRoute({ region: one, authenticate }).upstream.href;
    expect(host('us-gov-west-1')).toBe('https://bedrock-runtime.us-gov-west-1.amazonaws.com/');
    expect(host('cn-north-1')).toBe('https://bedrock-runtime.cn-north-1.amazonaws.com.cn/');
    for (const odd of ['', 'x.elsewhere.test/', 'us-east-1.elsewhere.test#', 'US-EAST-1']) {
      expect(() => host(odd)).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }) as Error);
    }
  });

  it('is refused while no credentials are found, without a word of why they were not', async () => {
    const none = () => Promise.reject(new Error(`canary ${secret}`));
    const failing = (upstream: URL) => [
      bedrockRoute({ region, upstream, authenticate: awsSigner({ keys: none, region, service: 'bedrock', clock }) }),
    ];
    await using all = await opened((_request, response) => void response.end(), {}, failing);
    const answer = await ask(all.broker, { path: '/bedrock/model/anthropic.claude-x/invoke', body: '{}' });
    expect(answer.status).toBe(502);
    expect(answer.text).not.toContain(secret);
  });
});
