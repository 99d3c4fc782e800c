import { closeSync, openSync, readSync } from 'node:fs';
import { processesOf, type SandboxProcess } from '../processes.js';

/** Environment variable that marks the processes of a command. A mark, not a proof: a process may drop or forge it. */
export const commandMark = 'PADDOCK_COMMAND';

export interface MarkedProcess extends SandboxProcess {
  /** Value of the mark that Paddock sets in each command's environment; undefined when it is not (or no longer) there. */
  readonly mark: string | undefined;
  /** False in the middle of an exec, when the kernel shows neither arguments nor environment of a process. */
  readonly settled: boolean;
}

const readCapBytes = 128 * 1024;

/** As `processesOf`, with what each has been marked with. Reads from memory that the processes lay out, so it can take long. */
export function markedProcessesOf(namespace: string): MarkedProcess[] {
  return processesOf(namespace).map((process) => ({ ...process, ...markOf(process.pid) }));
}

/** Arguments of a process, each ended by NUL; undefined when it is gone or can't be read. */
export function commandLineOf(pid: number): string | undefined {
  return read(`/proc/${pid}/cmdline`);
}

function markOf(pid: number): Pick<MarkedProcess, 'mark' | 'settled'> {
  const prefix = `${commandMark}=`;
  const environ = read(`/proc/${pid}/environ`) ?? '';
  const mark = environ
    .split('\0')
    .find((entry) => entry.startsWith(prefix))
    ?.slice(prefix.length);
  return { mark, settled: environ !== '' || (commandLineOf(pid) ?? '') !== '' };
}

/**
 * At most `readCapBytes`: a process can make its environment and arguments look as large as it likes (PR_SET_MM), and
 * reading them whole would fill our memory. Our mark stands among the first variables of a command.
 */
function read(path: string): string | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const buffer = Buffer.allocUnsafe(readCapBytes);
    let length = 0;
    while (length < readCapBytes) {
      const count = readSync(file, buffer, length, readCapBytes - length, null);
      if (count === 0) break;
      length += count;
    }
    return buffer.toString('latin1', 0, length);
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
