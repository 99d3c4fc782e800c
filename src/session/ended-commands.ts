import type { CommandId } from '../core/ids.js';
import type { SessionCommand } from './session-command.js';

const mostCommands = 64;
/** Of a session. So much is one command that filled the largest buffers it could ask for. */
const mostBytes = 16 * 1024 ** 2;

/** Which commands of a session that have ended are kept to be read on: the newest, as long as there are few of them and they hold little; the very newest always. */
export class EndedCommands {
  /** The bytes that each holds, in the order in which they ended. */
  readonly #bytes = new Map<CommandId, number>();

  /** Adds one, and says which are to be forgotten for it. */
  add(entry: SessionCommand): readonly CommandId[] {
    this.#bytes.set(entry.id, heldBytes(entry));
    const [, ...older] = [...this.#bytes.keys()].reverse();
    let bytes = this.#bytes.get(entry.id) ?? 0;
    const gone = older.filter((id, at) => {
      bytes += this.#bytes.get(id) ?? 0;
      return at + 2 > mostCommands || bytes > mostBytes;
    });
    for (const id of gone) this.#bytes.delete(id);
    return gone;
  }
}

/** What is in memory as long as the command is: its output, and what it was asked with. */
function heldBytes({ command: { output, request } }: SessionCommand): number {
  const { argv, env = {}, stdin } = request;
  const words = [...argv, ...Object.entries(env).flat()];
  const asked = words.reduce((sum, word) => sum + word.length, stdin?.length ?? 0);
  return output.stdout.heldBytes + output.stderr.heldBytes + asked;
}
