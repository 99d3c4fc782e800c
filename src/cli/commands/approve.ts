import { addApproved } from '../../config/approved.js';
import { PaddockError, SessionError } from '../../core/errors.js';
import { formatDuration } from '../../core/units.js';
import { systemClock } from '../../kit/clock.js';
import { shownPlace, withPort } from '../../policy/egress/host.js';
import { answerHeld, HolderGone, questionsOfHeld } from '../../session/control/client.js';
import type { HeldQuestion } from '../../session/control/messages.js';
import type { SessionRecord } from '../../session/record.js';
import { App } from '../app.js';
import { type CliCommand, type CliOptions, type CommandContext, isSet } from '../command.js';
import { afterLoss, presentHolder } from '../holder.js';
import { report } from '../output.js';
import { settingsOf } from '../settings.js';
import { type ApproveAnswer, answerWords } from './approve-words.js';
import { recordOf } from './detached.js';

const options = {
  session: { type: 'boolean', help: 'until the process that holds the session ends, and not only this once' },
  always: { type: 'boolean', help: 'the same, and in every later session of yours that has an allowlist' },
  deny: { type: 'boolean', help: 'refuse it' },
} as const satisfies CliOptions;

export const approve: CliCommand = {
  name: 'approve',
  usage: 'approve ID [HOST] [--session | --always | --deny]',
  summary: 'what a session wants to reach and may not without a word of yours; with a host: gives the word',
  mostPositionals: 2,
  options,
  async run(context) {
    const [id, host] = context.positionals;
    if (id === undefined) throw new PaddockError('BAD_ARGUMENT', 'give one session id');
    const how = howOf(context);
    await using app = new App(await settingsOf(context), context.env);
    const record = await recordOf(app, id);
    const questions = await questionsOf(app, record, context);
    if (host === undefined) {
      await report(context, { sessionId: record.id, questions }, listed(questions, record.id));
      return 0;
    }
    const question = questions.find(({ rule, host: name, port }) => [rule, name, withPort(name, port)].includes(host));
    if (question === undefined) {
      throw new SessionError('NO_SUCH_QUESTION', 'nothing in this session waits for that host');
    }
    const { rule } = question;
    const answer = how === 'deny' ? how : (`allow-${how}` as const);
    const socket = await held(app, record);
    await answerHeld(socket, { rule, answer }, context.signal).catch(lost(record));
    if (how === 'always') await addApproved(app.config.approvedPath, rule);
    await report(context, { sessionId: record.id, rule, answer: how }, `${rule}: ${answerWords(how, record.kind)}`);
    return 0;
  },
};

function howOf(context: CommandContext): ApproveAnswer {
  const given = (['session', 'always', 'deny'] as const).filter((name) => isSet(context, name));
  if (given.length > 1) throw new PaddockError('BAD_ARGUMENT', 'give one of --session, --always and --deny');
  return given[0] ?? 'once';
}

/** Whoever holds the session has its questions; where nobody does, nothing waits. */
async function questionsOf(app: App, record: SessionRecord, context: CommandContext): Promise<readonly HeldQuestion[]> {
  const socket = await presentHolder(app, record);
  if (socket === undefined) return [];
  return await questionsOfHeld(socket, context.signal).catch(lost(record));
}

async function held(app: App, record: SessionRecord) {
  const socket = await presentHolder(app, record);
  if (socket === undefined) throw new SessionError('NO_SUCH_QUESTION', 'nobody holds this session any more');
  return socket;
}

function lost(record: SessionRecord) {
  return async (thrown: unknown): Promise<never> => {
    throw thrown instanceof HolderGone ? await afterLoss(record, thrown) : thrown;
  };
}

function listed(questions: readonly HeldQuestion[], id: string): string {
  if (questions.length === 0) return 'nothing waits for an approval';
  const nowMs = systemClock.now();
  const lines = questions.map(
    ({ host, port, rule, askedAtMs }) =>
      `${shownPlace(host, port)}, waiting for ${formatDuration(Math.max(0, nowMs - askedAtMs))}: paddock approve ${id} ${rule}`,
  );
  return lines.join('\n');
}
