import type { Readable } from 'node:stream';
import { EngineError, toPaddockError } from '../../core/errors.js';
import { safeLine } from '../../kit/safe-text.js';
import { imagePath, parseImageReference } from '../names.js';
import { Deadline } from '../transport/deadline.js';
import { transportError } from '../transport/failures.js';
import { type Call, describe, type Transport } from '../transport/transport.js';
import type { ImageInfo } from '../types.js';
import { imageInspected, imageOf, progress } from '../wire/images.js';
import { jsonLines } from '../wire/json-lines.js';
import { parseJson } from '../wire/parse.js';
import type { Dialect } from './dialect.js';

const importTimeoutMs = 10 * 60_000;
const pullTimeoutMs = 30 * 60_000;

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
    // An archive that breaks off must not become an image: its error ends the request, and is what the caller sees.
    let broken: unknown;
    tar.on('error', (error) => {
      broken = error;
    });
    try {
      await this.#import(reference, tar, signal);
    } catch (thrown) {
      if (broken === undefined || !(thrown instanceof EngineError)) throw thrown;
      throw new EngineError('ENGINE_FAILED', 'image import: the archive broke off', { cause: broken });
    } finally {
      tar.destroy();
    }
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
    await this.#follow({ method: 'POST', path, query, signal, timeoutMs: pullTimeoutMs });
  }

  async remove(reference: string, signal?: AbortSignal): Promise<boolean> {
    const path = `${this.#dialect.root}/images/${imagePath(reference)}`;
    const reply = await absentIfNotFound(this.#transport.call({ method: 'DELETE', path, signal, timeoutMs: 120_000 }));
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
      await this.#follow({ ...common, path: `${this.#dialect.root}/images/create`, query });
    }
  }

  /** Reads a progress stream to its end; the engines report a failure as one of its lines, after a 200. */
  async #follow(call: Call & { readonly timeoutMs: number }): Promise<void> {
    const what = describe(call);
    const deadline = new Deadline(call.timeoutMs, call.signal);
    try {
      const reply = await this.#transport.stream({ ...call, signal: deadline.signal });
      try {
        for await (const line of jsonLines(reply.body)) checkProgress(line, what);
      } finally {
        await reply.close();
      }
    } catch (thrown) {
      throw deadline.error(what, thrown) ?? transportError(thrown, what);
    } finally {
      deadline.clear();
    }
  }
}

function checkProgress(line: string, what: string): void {
  const { error } = parseJson(progress, line, what);
  if (error === '') return;
  const words = safeLine(error);
  throw new EngineError('ENGINE_FAILED', `${what}: ${words}`, { info: { engineWords: words } });
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
