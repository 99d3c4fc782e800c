import { expect, it } from 'vitest';
import { answerWords } from '../../../src/cli/commands/approve-words.js';

it('promises for the life of a session only where that ends with the process that was answered to', () => {
  expect(answerWords('session', 'attached')).toBe('let through while the session lives');
  expect(answerWords('always', 'attached')).toBe('let through, now and in later sessions');
  for (const answer of ['session', 'always'] as const) {
    expect(answerWords(answer, 'detached')).toMatch(/^let through until the process that holds the session ends/);
  }
});

it('says the same of one time and of a no, whoever holds the session', () => {
  for (const kind of ['attached', 'detached'] as const) {
    expect([answerWords('once', kind), answerWords('deny', kind)]).toEqual(['let through this once', 'refused']);
  }
});
