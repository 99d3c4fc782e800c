import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError, toPaddockError } from '../../core/errors.js';
import { checkContainerRef, checkLabelFilter, checkSignalName } from '../names.js';
import type { Transport } from '../transport/transport.js';
import type { ContainerState, ContainerStats, ContainerSummary } from '../types.js';
import { created, dockerList, inspected, podmanList, stateOf, summaryOf } from '../wire/containers.js';
import { parseJson } from '../wire/parse.js';
import { stats, statsOf } from '../wire/stats.js';
import type { Dialect } from './dialect.js';

const removeAttempts = 40;
const removePauseMs = 250;

/** Containers of one engine. Throws what `Engine` says. */
export class Containers {
  readonly #transport: Transport;
  readonly #dialect: Dialect;

  constructor(transport: Transport, dialect: Dialect) {
    this.#transport = transport;
    this.#dialect = dialect;
  }

  async create(
    name: string,
    body: Readonly<Record<string, unknown>>,
    signal?: AbortSignal,
  ): Promise<{ readonly id: string; readonly warnings: readonly string[] }> {
    checkContainerRef(name);
    const path = `${this.#dialect.root}/containers/create`;
    const isPodman = this.#dialect.kind === 'podman';
    const call = isPodman ? { json: { ...body, name } } : { json: body, query: { name } };
    // The first container over an image with a user namespace of its own copies its layers: minutes on a large one.
    const reply = await this.#transport.call({ method: 'POST', path, ...call, signal, timeoutMs: 300_000 });
    const { Id, Warnings } = parseJson(created, reply.body.toString('utf8'), 'container create');
    return { id: Id, warnings: Warnings };
  }

  /** Starting one that runs already is fine (304). */
  async start(id: string, signal?: AbortSignal): Promise<void> {
    await this.#transport.call({
      method: 'POST',
      path: this.#path(id, '/start'),
      signal,
      accept: [304],
      timeoutMs: 120_000,
    });
  }

  async update(id: string, json: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<void> {
    await this.#transport.call({ method: 'POST', path: this.#path(id, '/update'), json, signal, timeoutMs: 60_000 });
  }

  async inspect(id: string, signal?: AbortSignal): Promise<ContainerState> {
    const reply = await this.#transport.call({ method: 'GET', path: this.#path(id, '/json'), signal });
    return stateOf(parseJson(inspected, reply.body.toString('utf8'), 'container inspect'));
  }

  /** By the compatible path on both: libpod's own rounds, and knows no single answer. */
  async stats(id: string, signal?: AbortSignal): Promise<ContainerStats> {
    const path = `${this.#dialect.compat}/containers/${checkContainerRef(id)}/stats`;
    const query = { stream: false, 'one-shot': true };
    const reply = await this.#transport.call({ method: 'GET', path, query, signal });
    return statsOf(parseJson(stats, reply.body.toString('utf8'), 'container stats'));
  }

  async list(labelFilters: readonly string[], signal?: AbortSignal): Promise<readonly ContainerSummary[]> {
    const filters = JSON.stringify({ label: labelFilters.map(checkLabelFilter) });
    const path = `${this.#dialect.root}/containers/json`;
    const reply = await this.#transport.call({ method: 'GET', path, query: { all: true, filters }, signal });
    const text = reply.body.toString('utf8');
    const items =
      this.#dialect.kind === 'podman' ? parseJson(podmanList, text, 'list') : parseJson(dockerList, text, 'list');
    return items.map(summaryOf);
  }

  /** ENGINE_CONFLICT when it does not run, also on Podman before 4.6.1, which answers 500. */
  async kill(id: string, signalName: string, signal?: AbortSignal): Promise<void> {
    const query = { signal: checkSignalName(signalName) };
    try {
      await this.#transport.call({ method: 'POST', path: this.#path(id, '/kill'), query, signal });
    } catch (thrown) {
      const error = toPaddockError(thrown);
      if (error.code !== 'ENGINE_FAILED') throw error;
      const state = await this.inspect(id, signal);
      if (state.running) throw error;
      throw new EngineError('ENGINE_CONFLICT', error.message, { cause: thrown, info: error.info });
    }
  }

  /**
   * Removes until it is gone. A removal that someone else has begun (409), or that fell over a process just ending (500
   * on Podman), is looked at again, at most 10 s; an answer is only believed when the container is really away.
   */
  async remove(id: string, signal?: AbortSignal): Promise<boolean> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#delete(id, signal);
        return true;
      } catch (thrown) {
        const error = toPaddockError(thrown);
        if (error.code === 'ENGINE_NOT_FOUND') return attempt > 1;
        const isPassing = error.code === 'ENGINE_CONFLICT' || error.code === 'ENGINE_FAILED';
        if (!isPassing || attempt >= removeAttempts || (error.code === 'ENGINE_FAILED' && attempt >= 8)) throw error;
        await sleep(removePauseMs, undefined, { signal }).catch((cause: unknown) => {
          throw toPaddockError(cause);
        });
      }
    }
  }

  async #delete(id: string, signal?: AbortSignal): Promise<void> {
    // libpod takes `volumes` and a `timeout` before the kill; Docker kills at once and calls it `v`.
    const query =
      this.#dialect.kind === 'podman' ? { force: true, volumes: true, timeout: 0 } : { force: true, v: true };
    await this.#transport.call({ method: 'DELETE', path: this.#path(id, ''), query, signal, timeoutMs: 120_000 });
  }

  #path(id: string, verb: string): string {
    return `${this.#dialect.root}/containers/${checkContainerRef(id)}${verb}`;
  }
}
