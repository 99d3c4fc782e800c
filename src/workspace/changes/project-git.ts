import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';

const withinMs = 10_000;
/** Of what one call of git prints: the index of a very large project. */
const mostBytes = 256 * 1024 ** 2;

/** Nothing of the project's own settings is run, however they came to be there: neither hooks nor a monitor of its files. */
const harmless = [
  'core.fsmonitor=false',
  'core.hooksPath=/dev/null',
  'core.untrackedCache=false',
  'safe.bareRepository=explicit',
];

/** The status with which git ended; undefined after a signal. */
export class GitEnded extends Error {
  override readonly name = 'GitEnded';
  readonly status: number | undefined;

  constructor(status: number | undefined) {
    super(`git ended with ${status ?? 'a signal'}`);
    this.status = status;
  }
}

/** The host's git, in a project: bounded, without a terminal, and without what the environment says of some other repository. */
export class ProjectGit {
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #signal: AbortSignal;

  constructor(folder: string, env: Readonly<Record<string, string | undefined>>, signal: AbortSignal) {
    this.#folder = folder;
    this.#signal = AbortSignal.any([signal, AbortSignal.timeout(withinMs)]);
    const kept = ['PATH', 'HOME', 'XDG_CONFIG_HOME'].map((name) => [name, env[name]] as const);
    this.#env = {
      ...Object.fromEntries(kept.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
      ...{ LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0' },
    };
  }

  /** The texts that git prints, each ended by a NUL, or by its end. Throws GitEnded for any status but those, ENOENT without git. */
  async *texts(args: readonly string[], input = '', statuses: readonly number[] = [0]): AsyncGenerator<string> {
    const options = harmless.flatMap((setting) => ['-c', setting]);
    const child = spawn('git', [...options, ...args], {
      ...{ cwd: this.#folder, env: this.#env, detached: true, signal: this.#signal, killSignal: 'SIGKILL' },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const ended = once(child, 'close') as Promise<[number | null]>;
    ended.catch(() => undefined);
    // It may end before it has read all of it.
    child.stdin.on('error', () => undefined).end(input);
    try {
      yield* separated(child.stdout);
      const [status] = await ended;
      if (status === null || !statuses.includes(status)) throw new GitEnded(status ?? undefined);
    } finally {
      child.kill('SIGKILL');
    }
  }
}

async function* separated(stream: Readable): AsyncGenerator<string> {
  let [rest, length] = [Buffer.alloc(0), 0];
  for await (const piece of stream) {
    length += (piece as Buffer).length;
    if (length > mostBytes) throw new GitEnded(undefined);
    rest = Buffer.concat([rest, piece as Buffer]);
    let from = 0;
    for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0, from)) {
      yield rest.toString('utf8', from, end);
      from = end + 1;
    }
    rest = rest.subarray(from);
  }
  if (rest.length > 0) yield rest.toString('utf8');
}
