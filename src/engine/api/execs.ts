import { checkContainerRef, checkExecId } from '../names.js';
import { HijackedStreams } from '../transport/exec-streams.js';
import { hijack } from '../transport/hijack.js';
import type { Transport } from '../transport/transport.js';
import type { ExecOptions, ExecState, ExecStreams } from '../types.js';
import { execCreated, execInspected, execStateOf } from '../wire/containers.js';
import { parseJson } from '../wire/parse.js';
import type { Dialect } from './dialect.js';

/**
 * Podman looks for its detach keys (ctrl-p ctrl-q) in the stdin of every exec, with a terminal or not, and can't be told
 * not to: an empty sequence is ignored. This one does not come up by chance.
 */
const unlikelyDetachKeys = 'ctrl-p,ctrl-^,ctrl-q,ctrl-_,ctrl-p,ctrl-^,ctrl-q,ctrl-_,ctrl-^,ctrl-_';

/** Execs of one engine. Throws what `Engine` says. */
export class Execs {
  readonly #transport: Transport;
  readonly #dialect: Dialect;

  constructor(transport: Transport, dialect: Dialect) {
    this.#transport = transport;
    this.#dialect = dialect;
  }

  async create(containerId: string, options: ExecOptions, signal?: AbortSignal): Promise<string> {
    const json = {
      AttachStdin: options.stdin,
      AttachStdout: true,
      AttachStderr: true,
      Tty: options.tty,
      Cmd: options.argv,
      Env: Object.entries(options.env).map(([key, value]) => `${key}=${value}`),
      WorkingDir: options.cwd,
      DetachKeys: unlikelyDetachKeys,
      Privileged: false,
      ...(options.user === undefined ? {} : { User: options.user }),
    };
    const path = `${this.#dialect.compat}/containers/${checkContainerRef(containerId)}/exec`;
    const reply = await this.#transport.call({ method: 'POST', path, json, signal });
    return parseJson(execCreated, reply.body.toString('utf8'), 'exec create').Id;
  }

  /** `tty` must be what the exec was created with: Docker frames by this value, Podman by the other. */
  async start(execId: string, options: { readonly tty: boolean }, signal?: AbortSignal): Promise<ExecStreams> {
    const path = `${this.#dialect.compat}/exec/${checkExecId(execId)}/start`;
    const json = { Detach: false, Tty: options.tty };
    const raw = await hijack(this.#transport, { method: 'POST', path, json, signal, timeoutMs: 60_000 });
    return new HijackedStreams(raw, options);
  }

  /** Of an exec with a terminal. */
  async resize(execId: string, size: { readonly rows: number; readonly columns: number }): Promise<void> {
    const path = `${this.#dialect.compat}/exec/${checkExecId(execId)}/resize`;
    await this.#transport.call({ method: 'POST', path, query: { h: String(size.rows), w: String(size.columns) } });
  }

  /** The standard streams of process 1, which must have been made with an open stdin; before the start, to miss nothing. */
  async attach(containerId: string, signal?: AbortSignal): Promise<ExecStreams> {
    const path = `${this.#dialect.compat}/containers/${checkContainerRef(containerId)}/attach`;
    const query = { stream: '1', stdin: '1', stdout: '1', stderr: '1', detachKeys: unlikelyDetachKeys };
    const raw = await hijack(this.#transport, { method: 'POST', path, query, signal, timeoutMs: 60_000 });
    return new HijackedStreams(raw, { tty: false });
  }

  async inspect(execId: string, signal?: AbortSignal): Promise<ExecState> {
    const path = `${this.#dialect.root}/exec/${checkExecId(execId)}/json`;
    const reply = await this.#transport.call({ method: 'GET', path, signal });
    return execStateOf(parseJson(execInspected, reply.body.toString('utf8'), 'exec inspect'));
  }
}
