import { isErrorCode, PaddockError } from '../../core/errors.js';
import { safeLine } from '../../kit/safe-text.js';
import { type HolderMessage, holderMessage, holderWords, parseMessage } from './messages.js';
import { foreignAnswer, wordOf } from './other-version.js';
import { type ControlFrame, frameKinds } from './wire.js';

/** Reads what a holder says, which may be of another version. */
export class Heard {
  /** The last message that was passed over, since only a later version has it. */
  skipped: string | undefined;

  /** An error is what the holder could not do, or a message that can't be read; undefined is nothing to act on. Throws at what is no message. */
  read({ kind, payload }: ControlFrame): Exclude<HolderMessage, { say: 'error' }> | PaddockError | undefined {
    const message = kind === frameKinds.json ? parseMessage(holderMessage, payload) : undefined;
    if (message !== undefined) return message.say === 'error' ? errorOf(message) : message;
    const word = kind === frameKinds.json ? wordOf(payload) : undefined;
    if (word === undefined) throw new PaddockError('INTERNAL', 'the holder said what can’t be read');
    if (holderWords.has(word)) return foreignAnswer(word);
    this.skipped = word;
    return undefined;
  }
}

function errorOf({ code, message, hint, ruleId }: Extract<HolderMessage, { say: 'error' }>): PaddockError {
  if (!isErrorCode(code)) return new PaddockError('OTHER_VERSION', `${message} (${safeLine(code)})`, { hint });
  return new PaddockError(code, message, { hint, ...(ruleId === undefined ? {} : { info: { ruleId } }) });
}
