import type { Session } from '../../../src/session/session.js';
import { spellingsOf } from './spellings.js';
import { run } from './stage.js';

/**
 * Looks for texts, and for what they could be spelled as, in all that a program inside can read: every process's environment, command line and
 * name, and every file besides the host's own /usr. The places where one is, `/proc/PID/…` of a process by its kind alone.
 */
export async function searchInside(session: Session, ...texts: readonly string[]): Promise<readonly string[]> {
  return searchBy(runsIn(session), texts);
}

/** Runs commands for `searchBy` in a session of this process. */
export function runsIn(session: Session): (argv: readonly string[]) => Promise<Ran> {
  return async (argv) => {
    const { exitCode, stdout, stderr } = await run(session, argv);
    return { exitCode, stdout: stdout.text, stderr: stderr.text };
  };
}

interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The same for any of these texts, by whatever runs a command inside; `besides`: folders of the host's that are left out. */
export async function searchBy(
  run: (argv: readonly string[]) => Promise<Ran>,
  texts: readonly string[],
  besides: readonly string[] = [],
): Promise<readonly string[]> {
  const words = [JSON.stringify(besides), ...texts.flatMap(masked)];
  const { exitCode, stdout, stderr } = await run(['python3', '-I', '-c', searcher, ...words]);
  if (exitCode !== 0) throw new Error(stderr);
  const places = stdout.split('\n').filter((line) => line !== '');
  if (places.pop() !== 'searched') throw new Error('the search did not end');
  return [...new Set(places)].sort();
}

/** The searcher is searched too, so it is given what nobody looks for. */
function masked(text: string): readonly string[] {
  return spellingsOf(text).map((spelling) =>
    Buffer.from(Buffer.from(spelling).map((byte) => byte ^ 0x5a)).toString('hex'),
  );
}

const searcher = `
import json, os, sys
needles = [bytes(b ^ 0x5a for b in bytes.fromhex(word)) for word in sys.argv[2:]]
besides = ["/proc", "/sys", "/usr", *json.loads(sys.argv[1])]
def look(path, name):
    try:
        with open(path, "rb") as file:
            before = b""
            while piece := file.read(1 << 20):
                if any(needle in before + piece for needle in needles):
                    print(name)
                    return
                before = piece[-4096:]
    except OSError:
        pass
for pid in filter(str.isdigit, os.listdir("/proc")):
    for what in ("environ", "cmdline", "comm"):
        look(f"/proc/{pid}/{what}", f"/proc/PID/{what}")
for top, folders, files in os.walk("/"):
    folders[:] = [f for f in folders if os.path.join(top, f) not in besides]
    for name in files:
        path = os.path.join(top, name)
        if os.path.isfile(path):
            look(path, path)
print("searched")
`;
