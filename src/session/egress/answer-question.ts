import type { AuditRecorder } from '../../audit/audit-log.js';
import { plain } from '../../audit/redaction.js';
import { SessionError } from '../../core/errors.js';
import type { SessionId } from '../../core/ids.js';
import { egressAnswers } from '../../egress/approvals.js';
import type { Questions } from './questions.js';

/** `allow-always` is on record as such; for this session it means as much as `allow-session`. */
export const givenAnswers = [...egressAnswers, 'allow-always'] as const;
export type GivenAnswer = (typeof givenAnswers)[number];

export interface Answering {
  readonly id: SessionId;
  readonly questions: Questions | undefined;
  /** Under the name of whoever answers. */
  readonly audit: AuditRecorder;
}

/**
 * Answers what a program in a session waits for, when the answer is in the audit log. Errors: NO_SUCH_QUESTION when nobody waits for it (any
 * more), AUDIT_UNWRITABLE: the program goes on waiting then, until it is told no.
 */
export async function answerQuestion(
  { id, questions, audit }: Answering,
  rule: string,
  answer: GivenAnswer,
): Promise<void> {
  const question = questions?.list.find((one) => one.rule === rule);
  if (question === undefined) throw noSuchQuestion();
  const { host, port } = question;
  const details = { host: plain(host), port, by: plain(rule), answer: plain(answer) };
  await audit.event('egress.answer', { session: id, verdict: answer === 'deny' ? 'deny' : 'allow', details });
  if (questions?.answer(rule, answer === 'allow-always' ? 'allow-session' : answer) !== true) throw noSuchQuestion();
}

function noSuchQuestion(): SessionError {
  return new SessionError('NO_SUCH_QUESTION', 'nothing in this session waits for that approval');
}
