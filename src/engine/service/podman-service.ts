import { type ChildProcess, spawn } from 'node:child_process';
import { access, constants, realpath, rm, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../../core/errors.js';
import { readProcessIdentity } from '../../kit/process-identity.js';
import { safeLine } from '../../kit/safe-text.js';
import { type Env, runtimeFolder } from '../discover/candidates.js';
import { maxSocketPathBytes } from '../discover/endpoint.js';
import { Transport } from '../transport/transport.js';
import { makeServiceFolder, markService, type ServiceFolder, sweepServiceFolders } from './folder.js';
import { Lifeline } from './lifeline.js';
import { podmanChildren, signalProcess } from './processes.js';

/** Seconds without a connection after which the service ends; the lifeline keeps it while this process lives. */
const idleSeconds = 5;
const startTimeoutMs = 20_000;
const stopTimeoutMs = 3_000;
const keptStderrChars = 2_000;

/** All that a service of ours gets from the caller's environment; PODMAN_*, proxies and tokens stay out. */
const passedOn = [
  'HOME',
  'USER',
  'LANG',
  'DBUS_SESSION_BUS_ADDRESS',
  'XDG_CONFIG_HOME',
  'XDG_DATA_HOME',
  'CONTAINERS_STORAGE_CONF',
  'CONTAINERS_CONF',
  'TMPDIR',
] as const;

/**
 * The entries of PATH that only root can put programs into. `npx` and `npm exec` put `node_modules/.bin` of the working
 * directory first, which a project, or a sandbox that writes it, fills as it likes.
 */
export async function trustedFolders(env: Env): Promise<readonly string[]> {
  const folders = (env['PATH'] ?? '').split(':').filter(isAbsolute);
  const checked = await Promise.all(folders.map(async (path) => ((await isRootsAlone(path)) ? [path] : [])));
  return checked.flat();
}

/** A `podman` that may be run: one of root's, in a folder of root's. */
export async function findPodman(env: Env): Promise<string | undefined> {
  for (const folder of await trustedFolders(env)) {
    const path = join(folder, 'podman');
    const isProgram = await access(path, constants.X_OK).then(
      async () => (await stat(path)).isFile(),
      () => false,
    );
    if (isProgram && (await isRootsAlone(path))) return path;
  }
  return undefined;
}

/** Whether the path and every folder above what it resolves to belong to root and can be written by nobody else. */
async function isRootsAlone(path: string): Promise<boolean> {
  try {
    for (let at = await realpath(path); ; at = dirname(at)) {
      const { uid, mode } = await stat(at);
      const isOpen = (mode & 0o022) !== 0 && (mode & 0o1000) === 0;
      if (uid !== 0 || isOpen) return false;
      if (at === '/') return true;
    }
  } catch {
    return false;
  }
}

export interface ServiceOptions {
  readonly podmanPath: string;
  readonly env: Env;
  readonly uid: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A `podman system service` that this process started for itself, on a socket in a private folder. It lives as long as
 * this process: an open connection keeps it from ending when idle, and when this process is killed that connection
 * closes and the service ends 5 s later. Dispose to end it at once and remove the folder.
 */
export class PodmanService implements AsyncDisposable {
  readonly socketPath: string;
  readonly pid: number;
  readonly #folder: ServiceFolder;
  readonly #child: ChildProcess;
  #lifeline: Lifeline | undefined;

  private constructor(folder: ServiceFolder, child: ChildProcess, pid: number) {
    this.socketPath = folder.socketPath;
    this.pid = pid;
    this.#folder = folder;
    this.#child = child;
  }

  /** Resolves when the service answers. NO_ENGINE, with what it said, when it does not within 20 s; INTERRUPTED. */
  static async start(options: ServiceOptions): Promise<PodmanService> {
    const runtime = runtimeFolder(options.env, options.uid);
    await sweepServiceFolders(runtime);
    const folder = await makeServiceFolder(runtime, options.uid);
    let service: PodmanService | undefined;
    try {
      if (Buffer.byteLength(folder.socketPath) > maxSocketPathBytes) {
        throw new EngineError(
          'NO_ENGINE',
          `${folder.socketPath} is too long for a socket; use a shorter XDG_RUNTIME_DIR`,
        );
      }
      const path = await trustedFolders(options.env);
      const { child, said } = launch(options, folder, { runtime, path: path.join(':') });
      service = new PodmanService(folder, child, child.pid ?? 0);
      await service.#whenReady(said, options.signal);
      return service;
    } catch (thrown) {
      if (service) await service[Symbol.asyncDispose]();
      else await rm(folder.path, { recursive: true, force: true });
      throw thrown;
    }
  }

  get isRunning(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lifeline?.[Symbol.asyncDispose]();
    if (this.isRunning) {
      // Asked for before the signal: once the parent is gone its child has another one.
      const children = await podmanChildren(this.pid);
      signalProcess(this.pid, 'SIGTERM');
      if (!(await this.#hasExited(stopTimeoutMs))) {
        for (const pid of [...children, this.pid]) signalProcess(pid, 'SIGKILL');
        await this.#hasExited(stopTimeoutMs);
      }
    }
    await rm(this.#folder.path, { recursive: true, force: true });
  }

  async #whenReady(said: () => string, signal?: AbortSignal): Promise<void> {
    const failed = (why: string, cause?: unknown): EngineError =>
      new EngineError('NO_ENGINE', `podman system service ${why}: ${safeLine(said()) || 'it said nothing'}`, { cause });
    const mark = await readProcessIdentity(this.pid);
    if (mark) await markService(this.#folder, mark);
    await using transport = new Transport({ socketPath: this.socketPath });
    const deadline = performance.now() + startTimeoutMs;
    for (;;) {
      if (signal?.aborted === true) throw new EngineError('INTERRUPTED', 'cancelled while the service was starting');
      if (!this.isRunning) throw failed('ended at once');
      try {
        await transport.call({ method: 'GET', path: '/_ping', signal });
        break;
      } catch (thrown) {
        if (performance.now() > deadline) throw failed('did not answer', thrown);
      }
      await sleep(15);
    }
    this.#lifeline = new Lifeline({ socketPath: this.socketPath }, () => this.isRunning);
  }

  #hasExited(timeoutMs: number): Promise<boolean> {
    if (!this.isRunning) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      this.#child.once('exit', () => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }
}

function launch(
  options: ServiceOptions,
  folder: ServiceFolder,
  { runtime, path }: { readonly runtime: string; readonly path: string },
): { readonly child: ChildProcess; readonly said: () => string } {
  // Podman finds crun, conmon and newuidmap by PATH.
  const env: Record<string, string> = {
    PATH: path,
    XDG_RUNTIME_DIR: runtime,
    CONTAINERS_CONF_OVERRIDE: folder.configPath,
  };
  for (const name of passedOn) {
    const value = options.env[name];
    if (value !== undefined) env[name] = value;
  }
  const args = ['system', 'service', '--time', String(idleSeconds), `unix://${folder.socketPath}`];
  // Detached: Ctrl-C in the terminal is for us; the service is still needed to clean up.
  const child = spawn(options.podmanPath, args, { env, cwd: '/', detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.on('error', (error) => {
    text = error.message;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-keptStderrChars);
  });
  return { child, said: () => text };
}
