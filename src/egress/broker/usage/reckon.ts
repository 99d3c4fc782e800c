import type { TokenCounts } from '../types.js';
import { noTokens } from './counts.js';

/** Text has about four bytes a token, and what is around it in a request or a stream makes this rather too much than too little. */
const bytesPerToken = 4;

/**
 * What a call used whose answer did not say. `leastOutput` is for a caller that hung up before the numbers came: the answer may have been
 * written all the same, and would pass every cap.
 */
export function reckoned(
  said: TokenCounts | undefined,
  requestBytes: number,
  answerBytes: number,
  leastOutput = 0,
): TokenCounts {
  const input = said ?? { ...noTokens, input: Math.ceil(requestBytes / bytesPerToken) };
  return { ...input, output: Math.max(input.output, Math.ceil(answerBytes / bytesPerToken), leastOutput) };
}
