import type { Session } from '../session/session.js';
import { type CommandContext, isSet } from './command.js';

/**
 * Says on stderr, also with `--json`, that programs of a session of ours wait for a person: without a word they would look stuck until the question is
 * over. Neither the place nor a line that answers: what a sandbox prints comes to the same terminal, and nobody must get used to pasting from there what
 * a program could have made up. Ends with the session.
 */
export function tellQuestions(context: CommandContext, session: Session): void {
  // A terminal in raw mode goes down by a line feed and not to the left.
  const end = isSet(context, 'tty') ? '\r\n' : '\n';
  session.egress?.questions.onAsked(() => {
    const { stderr } = context.terminal;
    if (stderr.writableNeedDrain) return;
    stderr.write(
      `paddock: a program waits for a person: \`paddock approve ${session.id}\` in another terminal says for what${end}`,
    );
  });
}
