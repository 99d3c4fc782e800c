import type { SessionRecord } from '../../session/record.js';

export type ApproveAnswer = 'once' | 'session' | 'always' | 'deny';

/**
 * What an answer has come to. A detached session outlives the process that holds it, and what was answered there does not: the next holder
 * begins with the list that the session was made with, and asks again.
 */
export function answerWords(answer: ApproveAnswer, kind: SessionRecord['kind']): string {
  const whileHeld = 'let through until the process that holds the session ends';
  switch (answer) {
    case 'once':
      return 'let through this once';
    case 'session':
      return kind === 'attached' ? 'let through while the session lives' : whileHeld;
    case 'always':
      return kind === 'attached' ? 'let through, now and in later sessions' : `${whileHeld}, and in later sessions`;
    case 'deny':
      return 'refused';
  }
}
