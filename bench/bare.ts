import { Pool } from 'undici';
import type { EngineIdentity } from '../src/engine/types.js';
import { startHijacked } from './hijacked.js';
import { noSteps, type Steps, timed } from './statistics.js';

const piece = Buffer.alloc(64 * 1024);

/**
 * The same calls that Paddock makes, with nothing around them: no records, no audit, no evidence, no checks of what
 * comes back. What this takes is the engine's own time, and the base of every ratio.
 */
export class BareEngine implements AsyncDisposable {
  readonly socketPath: string;
  readonly #pool: Pool;
  readonly #root: string;
  readonly #isPodman: boolean;
  readonly #made = new Set<string>();
  /** Milliseconds of each call of each create. */
  readonly steps: Steps = noSteps();

  constructor(identity: EngineIdentity) {
    this.socketPath = identity.socketPath;
    this.#pool = new Pool('http://localhost', {
      socketPath: identity.socketPath,
      connections: 16,
      keepAliveTimeout: 2000,
    });
    this.#isPodman = identity.kind === 'podman';
    this.#root = this.#isPodman ? '/v4.0.0/libpod' : '/v1.41';
  }

  /** Create, start, inspect; the id. */
  async create(name: string, body: Readonly<Record<string, unknown>>): Promise<string> {
    const path = `${this.#root}/containers/create${this.#isPodman ? '' : `?name=${name}`}`;
    const json = this.#isPodman ? { ...body, name } : body;
    const reply = await timed(this.steps.create, () => this.#call('POST', path, { json }));
    const { Id } = JSON.parse(reply) as { Id: string };
    this.#made.add(Id);
    const own = `${this.#root}/containers/${Id}`;
    await timed(this.steps.start, () => this.#call('POST', `${own}/start`));
    await timed(this.steps.inspect, () => this.#call('GET', `${own}/json`));
    return Id;
  }

  /** Create exec, start and read it to its end, inspect for the exit code. */
  async exec(id: string, argv: readonly string[]): Promise<number> {
    const options = { AttachStdin: false, AttachStdout: true, AttachStderr: true, Tty: false, Cmd: argv };
    const made = JSON.parse(await this.#call('POST', `/v1.41/containers/${id}/exec`, { json: options })) as {
      Id: string;
    };
    // The engine gives this connection up at the end of the stream, and so do we.
    await this.#call('POST', `/v1.41/exec/${made.Id}/start`, { json: { Detach: false, Tty: false }, reset: true });
    const state = JSON.parse(await this.#call('GET', `${this.#root}/exec/${made.Id}/json`)) as { ExitCode: number };
    return state.ExitCode;
  }

  /** Like `exec`, over a connection taken over, with `inputBytes` of standard input; the bytes of output and their framing. */
  async stream(id: string, argv: readonly string[], inputBytes = 0): Promise<number> {
    const options = { AttachStdin: inputBytes > 0, AttachStdout: true, AttachStderr: true, Tty: false, Cmd: argv };
    const made = JSON.parse(await this.#call('POST', `/v1.41/containers/${id}/exec`, { json: options })) as {
      Id: string;
    };
    using streams = await startHijacked(this.socketPath, `/v1.41/exec/${made.Id}/start`);
    if (inputBytes > 0) await streams.send(piece, inputBytes / piece.length);
    const received = await streams.received;
    await this.#call('GET', `${this.#root}/exec/${made.Id}/json`);
    return received;
  }

  async remove(id: string): Promise<void> {
    const query = this.#isPodman ? 'force=true&volumes=true&timeout=0' : 'force=true&v=true';
    await this.#call('DELETE', `${this.#root}/containers/${id}?${query}`);
    this.#made.delete(id);
  }

  /** Removes what a round that failed left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#made].map((id) => this.remove(id)));
    await this.#pool.close();
  }

  async #call(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    options: { readonly json?: unknown; readonly reset?: boolean } = {},
  ): Promise<string> {
    const reply = await this.#pool.request({
      ...{ method, path, headers: { 'content-type': 'application/json' }, reset: options.reset ?? false },
      ...(options.json === undefined ? {} : { body: JSON.stringify(options.json) }),
    });
    const text = await reply.body.text();
    if (reply.statusCode >= 400) throw new Error(`${method} ${path}: ${reply.statusCode} ${text.slice(0, 200)}`);
    return text;
  }
}
