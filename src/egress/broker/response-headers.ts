import type { Scrubber } from './scrub.js';

/**
 * What comes back of an answer: again a list of what may. Not among it: cookies, challenges (they make clients ask for a password),
 * redirects, and what names the account.
 */
const passed: readonly string[] = [
  'content-type',
  'content-length',
  'cache-control',
  'date',
  'request-id',
  'x-request-id',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  'openai-model',
  'openai-processing-ms',
  'openai-version',
];
const passedFamilies = /^(?:anthropic-ratelimit-|x-ratelimit-|x-amzn-(?:requestid|errortype|bedrock-))/;

export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** The headers of an answer as they go inside, with the key struck out of their values. */
export function passedAnswer(headers: AnswerHeaders, scrubber: Scrubber): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (value === undefined || !(passed.includes(lower) || passedFamilies.test(lower))) continue;
    result[lower] = scrubber.text(Array.isArray(value) ? value.join(', ') : value);
  }
  return result;
}
