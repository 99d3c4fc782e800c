import { stat } from 'node:fs/promises';
import { EngineError, toPaddockError } from '../../core/errors.js';
import { safeLine } from '../../kit/safe-text.js';
import { dialectOf } from '../api/dialect.js';
import { readInfo } from '../api/system.js';
import { Transport } from '../transport/transport.js';
import { type Candidate, candidates, type Env, rootfulSockets } from './candidates.js';
import { describeAddress, parseEndpoint } from './endpoint.js';
import { type Identified, identify } from './identify.js';
import { isServedByOwnPodman } from './own-podman.js';

export interface EnginePolicy {
  readonly rootfulAllowed: boolean;
  readonly tcpAllowed: boolean;
}

export interface DiscoverOptions {
  /** The caller's environment: CONTAINER_HOST, DOCKER_HOST, XDG_RUNTIME_DIR, PATH are read. */
  readonly env: Env;
  readonly uid: number;
  /** The endpoint named by a setting; it counts before the environment. */
  readonly endpoint?: string | undefined;
  readonly policy: EnginePolicy;
  readonly signal?: AbortSignal | undefined;
}

/** An engine that answered and was found fit. The caller owns the transport. */
export interface Found extends Identified {
  readonly origin: string;
  readonly address: string;
  readonly transport: Transport;
}

export interface Tried {
  readonly origin: string;
  readonly endpoint: string;
  readonly why: string;
  readonly code: string;
}

export type Discovery = { readonly found: Found } | { readonly tried: readonly Tried[] };

/**
 * Tries the candidates in their order. One that someone named must work, else its error is thrown (ENGINE_UNAVAILABLE,
 * ENGINE_ENDPOINT_REFUSED, ENGINE_ROOTFUL, ENGINE_PROTOCOL, ENGINE_TIMEOUT); the usual places are passed over with a
 * reason.
 */
export async function discover(options: DiscoverOptions): Promise<Discovery> {
  const tried: Tried[] = [];
  for (const candidate of candidates(options.env, options.uid, options.endpoint)) {
    try {
      return { found: await attempt(candidate, options) };
    } catch (thrown) {
      const error = toPaddockError(thrown);
      if (error.code === 'INTERRUPTED') throw error;
      if (candidate.isExplicit) throw explicitError(candidate, error);
      tried.push({ origin: candidate.origin, endpoint: candidate.endpoint, why: error.message, code: error.code });
    }
  }
  return { tried };
}

/** The error when nothing was usable: ENGINE_ROOTFUL if that was the only obstacle somewhere, else NO_ENGINE; it lists every attempt. */
export function nothingFound(tried: readonly Tried[]): EngineError {
  const passedOver = rootfulSockets().map((path) => `${path}: of a rootful engine, not opened`);
  const lines = [...tried.map((one) => `${one.endpoint}: ${one.why}`), ...passedOver];
  const isRootful = tried.some((one) => one.code === 'ENGINE_ROOTFUL');
  const message = `no usable engine; tried ${lines.map((line) => safeLine(line, 200)).join('; ')}`;
  const hint =
    'Start rootless Podman (`systemctl --user enable --now podman.socket`, or just install it: it is started when needed) or ' +
    'rootless Docker (`dockerd-rootless-setuptool.sh install`), or name a socket in CONTAINER_HOST.';
  return new EngineError(
    isRootful ? 'ENGINE_ROOTFUL' : 'NO_ENGINE',
    message,
    isRootful ? { info: { tried: lines } } : { info: { tried: lines }, hint },
  );
}

function explicitError(candidate: Candidate, error: ReturnType<typeof toPaddockError>): EngineError {
  const message = `${candidate.origin} (${safeLine(candidate.endpoint, 120)}): ${error.message}`;
  return new EngineError(error.code, message, { cause: error, info: { ...error.info, origin: candidate.origin } });
}

async function attempt(candidate: Candidate, options: DiscoverOptions): Promise<Found> {
  const address = parseEndpoint(candidate.endpoint, candidate.origin, options.policy);
  if (address.socketPath !== undefined) await checkOwner(address.socketPath, options);
  const transport = new Transport(address);
  try {
    const identified = await identify(transport, options.signal);
    await checkRootless(transport, identified, address.socketPath, options);
    return { ...identified, origin: candidate.origin, address: describeAddress(address), transport };
  } catch (thrown) {
    await transport[Symbol.asyncDispose]();
    throw thrown;
  }
}

/** A socket of another user would be shown everything we mount, and its engine acts with that user's rights. Root's is left to `/info`. */
async function checkOwner(socketPath: string, options: DiscoverOptions): Promise<void> {
  const status = await stat(socketPath).catch((cause: unknown) => {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new EngineError(
      'ENGINE_UNAVAILABLE',
      code === 'ENOENT' ? 'no socket there' : `can't be looked at (${code})`,
      { cause },
    );
  });
  if (!status.isSocket()) throw new EngineError('ENGINE_UNAVAILABLE', 'not a socket');
  if (status.uid !== options.uid && status.uid !== 0) {
    throw new EngineError('ENGINE_ENDPOINT_REFUSED', `the socket belongs to another user (${status.uid})`);
  }
}

async function checkRootless(
  transport: Transport,
  identified: Identified,
  socketPath: string | undefined,
  options: DiscoverOptions,
): Promise<void> {
  if (options.policy.rootfulAllowed) return;
  const isPodmanSocket = identified.kind === 'podman' && socketPath !== undefined;
  if (isPodmanSocket && (await isServedByOwnPodman(socketPath, options.uid))) return;
  const info = await readInfo(transport, dialectOf(identified.kind, identified.apiVersion), options.signal);
  if (!info.rootless) throw new EngineError('ENGINE_ROOTFUL', `this ${identified.kind} runs as root`);
}
