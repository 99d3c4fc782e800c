import type { Session } from '../session/session.js';
import { type CommandContext, isSet } from './command.js';

/** Says it of programs of a session of ours, until that is over. */
export function tellQuestions(context: CommandContext, session: Session): void {
  session.egress?.questions.onAsked(() => tellWaiting(context, session.id));
}

/**
 * Says on stderr, also with `--json`, that a program of a session waits for a person: without a word it would look stuck until the question is
 * over. Neither the place nor a line that answers: what a sandbox prints comes to the same terminal, and nobody must get used to pasting from there what
 * a program could have made up.
 */
export function tellWaiting(context: CommandContext, id: string): void {
  const { stderr } = context.terminal;
  if (stderr.writableNeedDrain) return;
  // A terminal in raw mode goes down by a line feed and not to the left.
  const end = isSet(context, 'tty') ? '\r\n' : '\n';
  stderr.write(
    `paddock: a program waits for a person: \`paddock approve ${id}\` in another terminal says for what${end}`,
  );
}
