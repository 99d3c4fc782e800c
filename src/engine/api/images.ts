import type { Readable } from 'node:stream';
import { EngineError, toPaddockError } from '../../core/errors.js';
import type { ImageArchive, ImageInfo, ImageSummary } from '../image-types.js';
import { checkLabelFilter, imagePath, parseImageReference } from '../names.js';
import type { Transport } from '../transport/transport.js';
import { imageInspected, imageList, imageOf, imageSummaryOf } from '../wire/images.js';
import { parseJson } from '../wire/parse.js';
import type { Dialect } from './dialect.js';
import { followProgress, sentWhole } from './progress.js';

const importTimeoutMs = 10 * 60_000;
const pullTimeoutMs = 30 * 60_000;
const removeTimeoutMs = 120_000;
/** Podman writes the whole archive for itself before it begins to answer. */
const saveTimeoutMs = 15 * 60_000;

/** Images of one engine. Throws what `Engine` says. */
export class Images {
  readonly #transport: Transport;
  readonly #dialect: Dialect;

  constructor(transport: Transport, dialect: Dialect) {
    this.#transport = transport;
    this.#dialect = dialect;
  }

  async inspect(reference: string, signal?: AbortSignal): Promise<ImageInfo | undefined> {
    const path = `${this.#dialect.root}/images/${imagePath(reference)}/json`;
    const reply = await absentIfNotFound(this.#transport.call({ method: 'GET', path, signal }));
    return reply && imageOf(parseJson(imageInspected, reply.body.toString('utf8'), 'image inspect'));
  }

  /** The tar is destroyed when the call ends. The image gets the given tag, which must be there (no digest). */
  async import(reference: string, tar: Readable, signal?: AbortSignal): Promise<string> {
    await sentWhole(tar, 'image import', () => this.#import(reference, tar, signal));
    const image = await this.inspect(reference, signal);
    if (image) return image.id;
    throw new EngineError('ENGINE_PROTOCOL', 'image import: the engine does not know what it has just imported');
  }

  async pull(reference: string, signal?: AbortSignal): Promise<void> {
    const { repository, tag, digest } = parseImageReference(reference);
    const query: Record<string, string> =
      this.#dialect.kind === 'podman'
        ? { reference: imagePath(reference) }
        : { fromImage: repository, tag: digest ?? tag ?? '' };
    const path =
      this.#dialect.kind === 'podman' ? `${this.#dialect.root}/images/pull` : `${this.#dialect.root}/images/create`;
    await followProgress(this.#transport, { method: 'POST', path, query, signal, timeoutMs: pullTimeoutMs });
  }

  async save(id: string, signal?: AbortSignal): Promise<ImageArchive> {
    const path = `${this.#dialect.compat}/images/${imagePath(id)}/get`;
    const reply = await this.#transport.stream({ method: 'GET', path, signal, timeoutMs: saveTimeoutMs });
    return { tar: reply.body, [Symbol.asyncDispose]: () => reply.close() };
  }

  async list(labelFilter: string, signal?: AbortSignal): Promise<readonly ImageSummary[]> {
    const filters = JSON.stringify({ label: [checkLabelFilter(labelFilter)] });
    const path = `${this.#dialect.compat}/images/json`;
    const reply = await this.#transport.call({ method: 'GET', path, query: { filters }, signal });
    return parseJson(imageList, reply.body.toString('utf8'), 'image list').map(imageSummaryOf);
  }

  async prune(labelFilter: string, signal?: AbortSignal): Promise<void> {
    const filters = JSON.stringify({ dangling: ['true'], label: [checkLabelFilter(labelFilter)] });
    const path = `${this.#dialect.compat}/images/prune`;
    await this.#transport.call({ method: 'POST', path, query: { filters }, signal, timeoutMs: removeTimeoutMs });
  }

  async remove(reference: string, signal?: AbortSignal): Promise<boolean> {
    const path = `${this.#dialect.root}/images/${imagePath(reference)}`;
    const reply = await absentIfNotFound(
      this.#transport.call({ method: 'DELETE', path, signal, timeoutMs: removeTimeoutMs }),
    );
    return reply !== undefined;
  }

  async #import(reference: string, tar: Readable, signal?: AbortSignal): Promise<void> {
    const { repository, tag, digest } = parseImageReference(reference);
    if (tag === undefined || digest !== undefined)
      throw new EngineError('BAD_ARGUMENT', 'an imported image has a tag, no digest');
    const common = { method: 'POST', tar, signal, timeoutMs: importTimeoutMs } as const;
    if (this.#dialect.kind === 'podman') {
      const query = { reference: `${repository}:${tag}` };
      await this.#transport.call({ ...common, path: `${this.#dialect.root}/images/import`, query });
    } else {
      const query = { fromSrc: '-', repo: repository, tag };
      await followProgress(this.#transport, { ...common, path: `${this.#dialect.root}/images/create`, query });
    }
  }
}

async function absentIfNotFound<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (thrown) {
    const error = toPaddockError(thrown);
    if (error.code === 'ENGINE_NOT_FOUND') return undefined;
    throw error;
  }
}
