import type { TokenCounts } from '../types.js';
import { noTokens } from './counts.js';

/** Text has about four bytes a token, and what is around it in a request or a stream makes this rather too much than too little. */
const bytesPerToken = 4;

/**
 * What a call used whose answer was cut short, or did not say: a caller that hangs up before the numbers come has used the tokens
 * all the same, and would pass every cap.
 */
export function reckoned(said: TokenCounts | undefined, requestBytes: number, answerBytes: number): TokenCounts {
  const input = said ?? { ...noTokens, input: Math.ceil(requestBytes / bytesPerToken) };
  return { ...input, output: Math.max(input.output, Math.ceil(answerBytes / bytesPerToken)) };
}
