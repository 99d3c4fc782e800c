import { safeLine } from '../../kit/safe-text.js';
import type { Comparison, Difference } from '../../workspace/changes/compare-layers.js';

const mostLines = 100;

/** A comparison for people and models: what both have alike is only counted. */
export function comparisonText({ differences, isComplete }: Comparison, a: string, b: string): string {
  const different = differences.filter(({ isSame }) => !isSame);
  const alike = differences.length - different.length;
  const shown = different.slice(0, mostLines);
  return [
    `a: ${a}, b: ${b}; ${different.length} paths differ, ${alike} changed paths are alike`,
    ...shown.map((one) => `  ${wordsOf(one)}  ${safeLine(one.path, 200)}`),
    ...(shown.length < different.length ? [`  and ${different.length - shown.length} more`] : []),
    ...(isComplete ? [] : ['not everything could be looked at: there may be more']),
  ].join('\n');
}

function wordsOf({ a, b }: Difference): string {
  return `a ${a?.kind ?? 'as in the project'}, b ${b?.kind ?? 'as in the project'}`;
}
