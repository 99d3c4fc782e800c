import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { PaddockError } from '../core/errors.js';
import { codeOf } from '../kit/error-code.js';
import { hostPath } from '../kit/host-path.js';
import { safeText } from '../kit/safe-text.js';
import { type AgentPackage, packageFileName } from './agent-packages.js';

export interface FetchOptions {
  /** Folder of the caller's alone; the file lands there. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** The program; tests have one of their own. */
  readonly npm?: string;
}

const quotedBytes = 4000;
const withinMs = 15 * 60_000;

/**
 * Has the user's own npm fetch a package into a folder, and returns the file's path. It knows the registry, its token, the proxy and the
 * certificates, and none of that gets into an image; in `/`, so that no project's .npmrc has a say. Nothing of a package
 * is run. Throws AGENT_NOT_FETCHED, INTERRUPTED.
 */
export async function fetchPackage(wanted: AgentPackage, options: FetchOptions): Promise<string> {
  const spec = `${wanted.name}@${wanted.version}`;
  const { folder, env, npm = 'npm' } = options;
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(withinMs)]);
  const args = ['pack', spec, '--ignore-scripts', '--silent', '--prefer-offline', `--pack-destination=${folder}`];
  const PATH = await hostPath(env);
  if (signal.aborted) throw notRun(spec, signal.reason, options.signal);
  // In a group of its own: Ctrl-C in a terminal is for us.
  const child = spawn(npm, args, {
    ...{ cwd: '/', env: { ...env, PATH }, detached: true },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const end = (): void => endGroup(child);
  signal.addEventListener('abort', end, { once: true });
  const ended = once(child, 'close') as Promise<[number | null]>;
  ended.catch(() => undefined);
  let status: number | null = null;
  let words = '';
  try {
    words = await endOf(child.stderr);
    [status] = await ended;
  } catch (cause) {
    throw notRun(spec, cause, options.signal);
  } finally {
    signal.removeEventListener('abort', end);
    if (child.exitCode === null && child.signalCode === null) end();
  }
  if (status === 0) return join(folder, packageFileName(wanted));
  throw new PaddockError('AGENT_NOT_FETCHED', `npm could not fetch ${spec}: ${safeText(words.trim(), 1000)}`);
}

/** With all that npm has started: git, or a shell in between, would go on, and holds the pipe that is read here. */
function endGroup({ pid, stderr }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  } finally {
    // One that has left the group may hold it still.
    stderr?.destroy();
  }
}

function notRun(spec: string, cause: unknown, signal: AbortSignal): PaddockError {
  if (signal.aborted) return new PaddockError('INTERRUPTED', `fetching ${spec} was cancelled`, { cause });
  const isMissing = codeOf(cause) === 'ENOENT';
  const why = isMissing ? 'there is no npm on this host' : 'npm could not be run, or took too long';
  return new PaddockError('AGENT_NOT_FETCHED', `${spec} could not be fetched: ${why}`, { cause });
}

async function endOf(stream: Readable): Promise<string> {
  let text = '';
  for await (const piece of stream) text = (text + String(piece)).slice(-quotedBytes);
  return text;
}
