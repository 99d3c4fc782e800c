import type { Json, JsonObject } from '../../../policy/json.js';
import { valuesOf } from './fields.js';

/** Where a call says nothing: more than most answers have, and what the larger models allow is several times that. */
const unnamedTokens = 32_000;
/** No model gives more; a larger number would only keep other calls out. */
const mostTokens = 1_000_000;

const tokenNames = [
  ...['max_tokens', 'max_completion_tokens', 'max_output_tokens', 'max_tokens_to_sample'],
  ...['max_gen_len', 'max_new_tokens'],
];
const answerNames = ['n', 'best_of', 'candidate_count'];
/** Where Bedrock and Google have them. */
const holders = ['inferenceConfig', 'generationConfig', 'additionalModelRequestFields'];

/** The most tokens that a call may be answered with, as far as it says so; of several numbers the largest. */
export function mostOutputOf(body: JsonObject): number {
  const places = [body, ...holders.flatMap((name) => valuesOf(body, name))];
  const tokens = largest(places, tokenNames) ?? unnamedTokens;
  return Math.min(mostTokens, tokens * (largest(places, answerNames) ?? 1));
}

function largest(places: readonly Json[], names: readonly string[]): number | undefined {
  const found = places.flatMap((place) => names.flatMap((name) => valuesOf(place, name)));
  const numbers = found.filter((value) => typeof value === 'number' && value >= 1);
  return numbers.length === 0 ? undefined : Math.ceil(Math.max(...(numbers as number[])));
}
