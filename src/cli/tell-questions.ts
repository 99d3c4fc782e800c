import { shownPlace } from '../policy/egress/host.js';
import type { Session } from '../session/session.js';
import { type CommandContext, isSet } from './command.js';

/**
 * Says on stderr, also with `--json`, what the programs of a session of ours wait for, and what would answer: without a word they would look stuck
 * until the question is over. Ends with the session.
 */
export function tellQuestions(context: CommandContext, session: Session): void {
  // A terminal in raw mode goes down by a line feed and not to the left.
  const end = isSet(context, 'tty') ? '\r\n' : '\n';
  session.egress?.questions.onAsked(({ host, port, rule }) => {
    const { stderr } = context.terminal;
    if (stderr.writableNeedDrain) return;
    const how = `\`paddock approve ${session.id} ${rule}\` in another terminal lets it through (--session, --always, --deny)`;
    stderr.write(`paddock: a program waits for ${shownPlace(host, port)}: ${how}${end}`);
  });
}
