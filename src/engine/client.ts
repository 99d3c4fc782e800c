import type { Readable } from 'node:stream';
import { EngineError, type PaddockError, toPaddockError } from '../core/errors.js';
import { Disposables } from '../kit/disposables.js';
import { Builds } from './api/builds.js';
import { Containers } from './api/containers.js';
import { type Dialect, dialectOf } from './api/dialect.js';
import { Execs } from './api/execs.js';
import { Images } from './api/images.js';
import { readEvents, readInfo } from './api/system.js';
import type * as i from './image-types.js';
import type { Transport } from './transport/transport.js';
import type * as t from './types.js';

/** `Engine` over one transport. Owns it, and the service behind it when there is one. */
export class EngineClient implements t.Engine {
  readonly identity: t.EngineIdentity;
  readonly #transport: Transport;
  readonly #dialect: Dialect;
  readonly #containers: Containers;
  readonly #execs: Execs;
  readonly #images: Images;
  readonly #builds: Builds;
  readonly #owned = new Disposables();
  #info: Promise<t.EngineInfo> | undefined;

  constructor(identity: t.EngineIdentity, apiVersion: string, transport: Transport, service?: AsyncDisposable) {
    this.identity = identity;
    this.#transport = transport;
    this.#dialect = dialectOf(identity.kind, apiVersion);
    this.#containers = new Containers(transport, this.#dialect);
    this.#execs = new Execs(transport, this.#dialect);
    this.#images = new Images(transport, this.#dialect);
    this.#builds = new Builds(transport, this.#dialect);
    if (service) this.#owned.use(service);
    this.#owned.use(transport);
  }

  async info(signal?: AbortSignal): Promise<t.EngineInfo> {
    // Shared by all callers, so no caller's signal may end it: each only stops waiting for it.
    this.#info ??= readInfo(this.#transport, this.#dialect).catch((thrown: unknown) => {
      this.#info = undefined;
      throw thrown;
    });
    return await unlessAborted(this.#info, signal);
  }

  async ping(signal?: AbortSignal): Promise<void> {
    await this.#transport.call({ method: 'GET', path: '/_ping', signal, timeoutMs: 10_000 });
  }

  async createContainer(
    name: string,
    body: Readonly<Record<string, unknown>>,
    signal?: AbortSignal,
  ): Promise<{ readonly id: string; readonly warnings: readonly string[] }> {
    try {
      return await this.#containers.create(name, body, signal);
    } catch (thrown) {
      throw await this.#whyNotCreated(toPaddockError(thrown), name, body, signal);
    }
  }

  startContainer(id: string, signal?: AbortSignal): Promise<void> {
    return this.#containers.start(id, signal);
  }

  updateContainer(id: string, body: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<void> {
    return this.#containers.update(id, body, signal);
  }

  inspectContainer(id: string, signal?: AbortSignal): Promise<t.ContainerState> {
    return this.#containers.inspect(id, signal);
  }

  containerStats(id: string, signal?: AbortSignal): Promise<t.ContainerStats> {
    return this.#containers.stats(id, signal);
  }

  listContainers(labelFilters: readonly string[], signal?: AbortSignal): Promise<readonly t.ContainerSummary[]> {
    return this.#containers.list(labelFilters, signal);
  }

  killContainer(id: string, signalName: string, signal?: AbortSignal): Promise<void> {
    return this.#containers.kill(id, signalName, signal);
  }

  removeContainer(id: string, signal?: AbortSignal): Promise<boolean> {
    return this.#containers.remove(id, signal);
  }

  createExec(containerId: string, options: t.ExecOptions, signal?: AbortSignal): Promise<string> {
    return this.#execs.create(containerId, options, signal);
  }

  startExec(execId: string, options: { readonly tty: boolean }, signal?: AbortSignal): Promise<t.ExecStreams> {
    return this.#execs.start(execId, options, signal);
  }

  inspectExec(execId: string, signal?: AbortSignal): Promise<t.ExecState> {
    return this.#execs.inspect(execId, signal);
  }

  resizeExec(execId: string, size: { readonly rows: number; readonly columns: number }): Promise<void> {
    return this.#execs.resize(execId, size);
  }

  attachContainer(id: string, signal?: AbortSignal): Promise<t.ExecStreams> {
    return this.#execs.attach(id, signal);
  }

  inspectImage(reference: string, signal?: AbortSignal): Promise<i.ImageInfo | undefined> {
    return this.#images.inspect(reference, signal);
  }

  importImage(reference: string, tar: Readable, signal?: AbortSignal): Promise<string> {
    return this.#images.import(reference, tar, signal);
  }

  pullImage(reference: string, signal?: AbortSignal): Promise<void> {
    return this.#images.pull(reference, signal);
  }

  saveImage(id: string, signal?: AbortSignal): Promise<i.ImageArchive> {
    return this.#images.save(id, signal);
  }

  removeImage(reference: string, signal?: AbortSignal): Promise<boolean> {
    return this.#images.remove(reference, signal);
  }

  listImages(labelFilter: string, signal?: AbortSignal): Promise<readonly i.ImageSummary[]> {
    return this.#images.list(labelFilter, signal);
  }

  buildImage(request: i.BuildRequest, signal?: AbortSignal): Promise<string> {
    return this.#builds.build(request, signal);
  }

  pruneImages(labelFilter: string, signal?: AbortSignal): Promise<void> {
    return this.#images.prune(labelFilter, signal);
  }

  events(
    labelFilters: readonly string[],
    signal: AbortSignal,
    options: t.EventsOptions = {},
  ): AsyncIterable<t.EngineEvent> {
    return readEvents(this.#transport, this.#dialect, { labelFilters, ...options }, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned[Symbol.asyncDispose]();
  }

  /**
   * The engines answer a missing image and a taken name with different statuses (Podman before 6 says 500 for a taken
   * name), so it is looked up which of the two it was.
   */
  async #whyNotCreated(
    error: PaddockError,
    name: string,
    body: Readonly<Record<string, unknown>>,
    signal?: AbortSignal,
  ): Promise<PaddockError> {
    if (error.code !== 'ENGINE_FAILED' && error.code !== 'ENGINE_NOT_FOUND') return error;
    const again = { cause: error, info: error.info };
    const image = body['image'] ?? body['Image'];
    const isThere =
      typeof image !== 'string' || (await this.inspectImage(image, signal).catch(() => true)) !== undefined;
    if (!isThere) return new EngineError('IMAGE_NOT_FOUND', error.message, again);
    const isTaken = await this.inspectContainer(name, signal).then(
      () => true,
      () => false,
    );
    return isTaken ? new EngineError('ENGINE_CONFLICT', error.message, again) : error;
  }
}

function unlessAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new EngineError('INTERRUPTED', 'cancelled'));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
