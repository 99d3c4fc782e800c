import type { Logger } from 'pino';
import type { AuditRecorder } from '../audit/audit-log.js';
import { addApproved } from '../config/approved.js';
import type { SessionId } from '../core/ids.js';
import { type Approval, elicitApproval } from '../mcp/elicit.js';
import { shownPlace } from '../policy/egress/host.js';
import { answerQuestion } from '../session/egress/answer-question.js';
import type { OpenQuestion, Questions } from '../session/egress/questions.js';

export interface Asking {
  readonly server: Parameters<typeof elicitApproval>[0];
  /** Path of the file of what was approved for always. */
  readonly approved: string;
  /** Under the client's name. */
  readonly audit: AuditRecorder;
  readonly id: SessionId;
  readonly questions: Questions;
  readonly log: Logger;
}

const answers = { once: 'allow-once', session: 'allow-session', always: 'allow-always', deny: 'deny' } as const;

/** Puts what a session wants to reach to the person at the MCP client. Where that can't be, `paddock approve` still can. */
export function askPerson({ server, approved, audit, id, questions, log }: Asking): void {
  const settle = async ({ rule }: OpenQuestion, approval: Approval): Promise<void> => {
    await answerQuestion({ id, questions, audit }, rule, answers[approval]);
    if (approval === 'always') await addApproved(approved, rule);
  };
  questions.onAsked((question, withdrawn) => {
    const { host, port, rule } = question;
    elicitApproval(server, { sessionId: id, place: shownPlace(host, port), rule }, withdrawn)
      .then((approval) => (approval === undefined ? undefined : settle(question, approval)))
      // Answered elsewhere meanwhile, or not to be recorded: then nothing has been let through. What can't be kept holds for this session.
      .catch((err: unknown) => log.info({ err, session: id }, 'an answer was not taken, or not kept'));
  });
}
