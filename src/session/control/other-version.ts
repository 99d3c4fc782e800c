import { z } from 'zod';
import { SessionError } from '../../core/errors.js';
import { version } from '../../core/version.js';
import { parseMessage } from './messages.js';

const named = z.looseObject({ say: z.string().regex(/^[a-z][a-z-]{0,31}$/) });

/** What the message of a JSON frame is by its name, whether that is known here or not; undefined for what is no message at all. */
export function wordOf(payload: Buffer): string | undefined {
  return parseMessage(named, payload)?.say;
}

/** For who asked: the answer is one of another version. */
export function foreignAnswer(word: string): SessionError {
  const message = `this Paddock (${version}) can't read “${word}” of the process that holds the session, which is of another version`;
  return new SessionError('OTHER_VERSION', message);
}

/** For who is asked: the other side hears it as an error of its call. */
export function foreignQuestion(word: string): SessionError {
  const message = `the process that holds the session is Paddock ${version}, which can't read “${word}” as it was said: one of the two is of another version`;
  return new SessionError('OTHER_VERSION', message);
}
