import type { ExecResult } from '../core/exec.js';
import type { Session } from '../session/session.js';
import type { SessionCommand } from '../session/session-command.js';

/** How a command ended, in its view. */
export function viewEnd({ exitCode, reason, signal, strays, outputError, note }: ExecResult) {
  return {
    exitCode,
    reason,
    ...(signal === undefined ? {} : { signal }),
    strays,
    ...(outputError === undefined ? {} : { outputError }),
    ...(note === undefined ? {} : { next: note }),
  };
}

/**
 * What to say of the first command that failed in a session with network none: in the host image names are looked for in files only, so that a
 * program which wants out may leave no trace with the kernel. Once, since most commands fail for other reasons.
 */
export function firstFailureNext(
  { commands, record }: Pick<Session, 'commands' | 'record'>,
  entry: Pick<SessionCommand, 'id'>,
): { readonly next?: string } {
  if (record.spec.network !== 'none') return {};
  const first = commands.find(
    ({ outcome }) => outcome !== undefined && 'result' in outcome && outcome.result.exitCode !== 0,
  );
  return first?.id === entry.id ? { next: withoutNetwork } : {};
}

const withoutNetwork =
  'This session has network none: nothing outside is reached, and no name resolves. If that is why the command failed, create a session with ' +
  'allow: hosts, or presets such as npm.';
