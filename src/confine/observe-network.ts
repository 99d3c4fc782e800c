import { parseCmdline } from '../kit/proc/cmdline.js';
import { readNamespaces } from '../kit/proc/namespaces.js';
import { listProcesses } from '../kit/proc/processes.js';
import { readProcFile } from '../kit/proc/read.js';

/** A process outside that carries the packets of a network namespace. */
export interface NetworkHelperSeen {
  readonly name: 'slirp4netns' | 'pasta';
  readonly argv: readonly string[];
}

/** Of the process whose network they carry: `slirp4netns … PID tap0`, `pasta … --netns /proc/PID/ns/net`, `pasta … PID`. */
const target = /^(?:\/proc\/)?(\d{1,10})(?:\/ns\/net)?$/;

/**
 * Who joins one of these network namespaces to another. Only processes of our own pid namespace are asked for their words: what runs in a
 * sandbox may call itself anything, and make whoever reads its command line wait for ever.
 */
export function networkHelpersOf(
  netns: readonly (string | undefined)[],
  procRoot = '/proc',
): readonly NetworkHelperSeen[] {
  const own = readNamespaces('self', procRoot).pid;
  return listProcesses(procRoot).flatMap(({ pid, comm }): NetworkHelperSeen[] => {
    const name = comm.startsWith('pasta') ? 'pasta' : comm === 'slirp4netns' ? comm : undefined;
    if (name === undefined || own === undefined || readNamespaces(pid, procRoot).pid !== own) return [];
    const text = readProcFile(`${procRoot}/${pid}/cmdline`);
    const argv = text === undefined ? undefined : parseCmdline(text);
    const serves = argv?.some((word) => {
      const [, of] = target.exec(word) ?? [];
      const net = of === undefined ? undefined : readNamespaces(Number(of), procRoot).net;
      return net !== undefined && netns.includes(net);
    });
    return argv !== undefined && serves === true ? [{ name, argv }] : [];
  });
}
