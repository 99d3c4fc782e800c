import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { takeKeys } from '../../../../src/session/broker/take-keys.js';
import { textOf } from '../../../../src/session/record-parts.js';

const canary = 'sk-ant-canary-0123456789';

it('takes every key out of a request, and leaves the rest with the providers that they are for', () => {
  const { request, keys } = takeKeys({
    ...{ workspace: 'none', apiKey: canary, openaiApiKey: canary, googleApiKey: canary },
    ...{ awsAccessKeyId: 'AKIA', awsSecretAccessKey: canary, awsSessionToken: canary, awsRegion: 'eu-west-1' },
  });
  expect(request).toEqual({ workspace: 'none', providers: ['anthropic', 'openai', 'google', 'bedrock'] });
  expect(keys.awsRegion).toBe('eu-west-1');
  expect(keys.secrets.apiKey?.reveal()).toBe(canary);
  const shown = [
    textOf(request),
    JSON.stringify(keys),
    inspect(keys, { depth: 9, showHidden: true }),
    String(keys.secrets.apiKey),
  ];
  for (const text of shown) expect(text).not.toContain('canary');
});

it('adds to the providers that were asked for, and means none by a region alone', () => {
  expect(takeKeys({ providers: ['openai'], authToken: canary }).request).toEqual({
    providers: ['openai', 'anthropic'],
  });
  expect(takeKeys({ awsRegion: 'eu-west-1', bedrockModel: 'a.b-c:0' }).request).toEqual({});
  expect(takeKeys({ useBedrock: true }).request).toEqual({ providers: ['bedrock'] });
  // What is no list policy refuses.
  expect(takeKeys({ providers: 'all', apiKey: canary }).request).toEqual({ providers: 'all' });
});

it.each([null, undefined, 'text', 7, [], { workspace: 'ro' }])(
  'leaves a request without keys as it is: %j',
  (request) => {
    expect(takeKeys(request).request).toBe(request);
  },
);

it.each([
  ['a list', [canary]],
  ['an object', { canary }],
  ['a number', 4_242_424_242],
  ['two lines', `${canary}\n${canary}`],
  ['more than one word', `${canary} ${canary}`],
  ['nothing', ''],
  ['too much', canary.repeat(1000)],
])('refuses a key that is %s, by its name and without a word of it', (_, apiKey) => {
  const error = thrownBy(() => takeKeys({ apiKey }));
  expect(error).toMatchObject({ code: 'BAD_ARGUMENT' });
  const text = inspect(error, { depth: 9, showHidden: true });
  expect(text).toContain('apiKey');
  expect(text).not.toContain('canary-');
  expect(text).not.toContain('4242424242');
});

function thrownBy(call: () => unknown): unknown {
  try {
    return call();
  } catch (thrown) {
    return thrown;
  }
}
