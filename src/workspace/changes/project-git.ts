import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { hostPath } from '../../kit/host-path.js';
import { GitIndex } from './git-index.js';

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

/**
 * The host's git, in a project: bounded, without a terminal, and without what the environment says of some other repository. Where its work tree is,
 * its index and its folders of hooks are asked for once, by whoever is first. All of it throws GitEnded where git fails, ENOENT without git.
 */
export class ProjectGit {
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #path: Promise<string | undefined>;
  readonly #signal: AbortSignal;
  #top: Promise<string | undefined> | undefined;
  #index: Promise<GitIndex> | undefined;

  constructor(folder: string, env: Readonly<Record<string, string | undefined>>, signal: AbortSignal) {
    this.#folder = folder;
    this.#signal = signal;
    this.#path = hostPath(env, [folder]);
    this.#path.catch(() => undefined);
    const kept = ['HOME', 'XDG_CONFIG_HOME'].map((name) => [name, env[name]] as const);
    this.#env = {
      ...Object.fromEntries(kept.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
      ...{ LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0' },
    };
  }

  /** The top folder of the work tree that the project is in; undefined where it is in none. */
  top(): Promise<string | undefined> {
    this.#top ??= this.#readTop();
    return this.#top;
  }

  /** The index, with paths from the project on. */
  index(): Promise<GitIndex> {
    this.#index ??= this.#readIndex();
    return this.#index;
  }

  /** Where hooks are looked for, in the words of every file that says so; what is given to these very calls lies elsewhere. */
  async hooksPaths(): Promise<readonly string[]> {
    const asked = ['config', '--null', '--type=path', '--get-all', 'core.hooksPath'];
    return textsOf(await this.#print(asked));
  }

  /** Which of these paths are ignored, as they were given; none of them may be tracked, or lie beyond a link or in another repository. */
  async ignoredOf(paths: readonly string[]): Promise<readonly string[]> {
    if (paths.length === 0) return [];
    const { hasSkippedIgnores } = await this.index();
    // Against an index git holds every path to every entry of it, which takes seconds where both are many.
    const without = hasSkippedIgnores ? [] : ['--no-index'];
    return textsOf(await this.#print(['check-ignore', ...without, '-z', '--stdin'], paths, [0, 1]));
  }

  async #readTop(): Promise<string | undefined> {
    const printed = (await this.#print(['rev-parse', '--is-inside-work-tree', '--show-toplevel'])).toString();
    return printed.startsWith('true\n') ? printed.slice('true\n'.length).replace(/\n$/, '') : undefined;
  }

  async #readIndex(): Promise<GitIndex> {
    const listing = await this.#print(['ls-files', '-z', '--stage', '-t']);
    try {
      return new GitIndex(listing);
    } catch {
      throw new GitEnded(undefined);
    }
  }

  async #print(
    args: readonly string[],
    input: readonly string[] = [],
    statuses: readonly number[] = [0],
  ): Promise<Buffer> {
    const options = harmless.flatMap((setting) => ['-c', setting]);
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(withinMs)]);
    const env = { ...this.#env, PATH: await this.#path };
    const child = spawn('git', [...options, ...args], {
      ...{ cwd: this.#folder, env, detached: true, signal, killSignal: 'SIGKILL' },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const ended = once(child, 'close') as Promise<[number | null]>;
    ended.catch(() => undefined);
    // It may end before it has read all of it.
    Readable.from(inPieces(input)).pipe(child.stdin.on('error', () => undefined));
    try {
      const pieces: Buffer[] = [];
      let length = 0;
      for await (const piece of child.stdout) {
        pieces.push(piece as Buffer);
        length += (piece as Buffer).length;
        if (length > mostBytes) throw new GitEnded(undefined);
      }
      const [status] = await ended;
      if (status === null || !statuses.includes(status)) throw new GitEnded(status ?? undefined);
      return Buffer.concat(pieces);
    } finally {
      child.kill('SIGKILL');
    }
  }
}

const pathsInPiece = 1000;

/** Each path with a NUL. One text of all would take its time. */
function* inPieces(paths: readonly string[]): Generator<string> {
  for (let at = 0; at < paths.length; at += pathsInPiece) yield `${paths.slice(at, at + pathsInPiece).join('\0')}\0`;
}

/** Each ends with a NUL. */
function textsOf(printed: Buffer): readonly string[] {
  return printed.toString().split('\0').slice(0, -1);
}
