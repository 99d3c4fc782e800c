import { join } from 'node:path';
import { PaddockError } from '../core/errors.js';
import { codeOf } from '../kit/error-code.js';
import { hostPath } from '../kit/host-path.js';
import { runTool, type ToolEnd } from '../kit/run-tool.js';
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

const withinMs = 15 * 60_000;
/** With `--silent` it prints a file name. */
const mostBytes = 64 * 1024;

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
  let end: ToolEnd;
  try {
    end = await runTool(npm, { args, cwd: '/', env: { ...env, PATH: await hostPath(env) }, signal, mostBytes });
  } catch (cause) {
    throw notRun(spec, cause, options.signal);
  }
  if (end.code === 0) return join(folder, packageFileName(wanted));
  throw new PaddockError('AGENT_NOT_FETCHED', `npm could not fetch ${spec}: ${safeText(end.words.trim(), 1000)}`);
}

function notRun(spec: string, cause: unknown, signal: AbortSignal): PaddockError {
  if (signal.aborted) return new PaddockError('INTERRUPTED', `fetching ${spec} was cancelled`, { cause });
  const isMissing = codeOf(cause) === 'ENOENT';
  const why = isMissing ? 'there is no npm on this host' : 'npm could not be run, or took too long';
  return new PaddockError('AGENT_NOT_FETCHED', `${spec} could not be fetched: ${why}`, { cause });
}
