import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Agent, fetch } from 'undici';
import type { EngineKind } from '../../../src/engine/types.js';
import { engineSockets, openTestEngine, uniqueName } from '../../engine/support/engines.js';
import { claudeStandIn } from './agents/stand-in.js';
import { type Answer, answerOf } from './client.js';
import { paddock } from './paddock.js';
import { Place } from './place.js';

const run = promisify(execFile);

interface Ending {
  readonly ended: Promise<unknown>;
}

/** A place with an image of the server, built from this host's Node and from what is built here. Disposing removes both. */
export class ContainedPlace implements AsyncDisposable {
  readonly kind: EngineKind;
  readonly place: Place;
  readonly image: string;
  readonly #base: string;

  private constructor(kind: EngineKind, place: Place) {
    this.kind = kind;
    this.place = place;
    this.#base = `localhost/${uniqueName('paddock-test')}:base`;
    this.image = `localhost/${uniqueName('paddock-test')}:server`;
  }

  /** `allow`: what sessions there may reach at most. */
  static async make(kind: EngineKind, allow: readonly string[] = []): Promise<ContainedPlace> {
    const contained = new ContainedPlace(kind, await Place.make(kind));
    await contained.#settle(allow);
    await contained.#build();
    return contained;
  }

  get env(): Readonly<Record<string, string>> {
    return { XDG_CONFIG_HOME: join(this.place.root, 'config') };
  }

  /**
   * The words of docs/container.md, in one folder instead of three, with an empty one that is another on the host. `network`: those that give it one,
   * or a port.
   */
  runWords(name: string, words: readonly string[] = [], network = ['--network', 'none']): readonly string[] {
    const { root, stateDir, auditLog } = this.place;
    const socket = engineSockets[this.kind];
    const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
    const who = this.kind === 'podman' ? ['--userns', 'keep-id', '--user', `${uid}:${gid}`] : ['--user', '0:0'];
    const env = {
      CONTAINER_HOST: `unix://${socket}`,
      HOME: homedir(),
      PADDOCK_STATE_DIR: stateDir,
      PADDOCK_RUNTIME_DIR: join(root, 'run'),
      MCP_AUDIT_LOG: auditLog,
      ...this.env,
    };
    return [
      ...['run', '--rm', '-i', '--name', name, ...who, '--read-only', '--cap-drop', 'all'],
      ...['--security-opt', 'no-new-privileges', ...network],
      ...['-v', `${socket}:${socket}`, '-v', `${root}:${root}`, '-v', `${this.place.project}:${join(root, 'moved')}`],
      ...Object.entries(env).flatMap(([key, value]) => ['-e', `${key}=${value}`]),
      ...[this.image, ...words],
    ];
  }

  /** The engine's own command, for what a person would type. */
  get command(): readonly [string, readonly string[]] {
    return this.kind === 'podman' ? ['podman', []] : ['docker', ['-H', `unix://${engineSockets.docker}`]];
  }

  async stdio(name: string): Promise<ContainedClient> {
    const [command, first] = this.command;
    const env = Object.fromEntries(
      Object.entries(process.env).filter((one): one is [string, string] => one[1] !== undefined),
    );
    const args = [...first, ...this.runWords(name)];
    const transport = new StdioClientTransport({ command, args, env, stderr: 'inherit' });
    return await new ContainedClient().connect(transport);
  }

  /** A server by `serve` and these words; resolves when it listens. */
  async listen(name: string, serve: readonly string[], network?: string[]): Promise<Ending> {
    return await this.#until('}', this.runWords(name, ['serve', ...serve, '--json'], network));
  }

  /** A program in the container of that name, by the engine's own exec; resolves when it has printed `line`, and ends with the container. */
  async beside(name: string, argv: readonly string[], line: string): Promise<Ending> {
    return await this.#until(line, ['exec', name, ...argv]);
  }

  /** What the engine's own command prints. */
  async engineSays(...words: readonly string[]): Promise<string> {
    const [command, first] = this.command;
    return (await run(command, [...first, ...words])).stdout.trim();
  }

  async http(url: string, connect: ConstructorParameters<typeof Agent>[0], secret: string): Promise<ContainedClient> {
    const dispatcher = new Agent(connect);
    const headers = { authorization: `Bearer ${secret}` };
    const viaAgent = (to: string | URL, init?: object) =>
      fetch(to, { ...init, dispatcher }) as unknown as Promise<Response>;
    const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers }, fetch: viaAgent });
    return await new ContainedClient(dispatcher).connect(transport);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using engine = await openTestEngine(this.kind);
    for (const name of [this.image, this.#base]) await engine.removeImage(name);
    await engine.pruneImages('dev.paddock.image');
    await this.place[Symbol.asyncDispose]();
  }

  async #until(last: string, words: readonly string[]): Promise<Ending> {
    const [command, first] = this.command;
    const child = spawn(command, [...first, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    for await (const line of createInterface(child.stdout)) if (line === last) return { ended };
    throw new Error(`what ran in a container ended without a line ${last}`);
  }

  async #settle(allow: readonly string[]): Promise<void> {
    const { root } = this.place;
    for (const folder of ['run', 'state', 'config/paddock', 'moved'])
      await mkdir(join(root, folder), { recursive: true, mode: 0o700 });
    const policy = '[policy]\ninit_report = true\nimages = ["localhost/*"]\n';
    const settings = `${policy}[policy.egress]\nallow = ${JSON.stringify(allow)}\n`;
    await writeFile(join(root, 'config/paddock/config.toml'), settings, { mode: 0o600 });
  }

  async #build(): Promise<void> {
    const tar = join(this.place.root, 'base.tar');
    await run('scripts/server-base', [tar, 'cat', 'sleep', 'mkdir', 'chmod', 'rm', 'mv']);
    const program = join(this.place.root, 'claude');
    await writeFile(program, claudeStandIn, { mode: 0o755 });
    const into = ['--owner=0', '--group=0', '--transform', 's,^,./usr/bin/,', '-C', this.place.root, 'claude'];
    await run('tar', ['--append', '-f', tar, ...into]);
    await using engine = await openTestEngine(this.kind);
    await engine.importImage(this.#base, createReadStream(tar));
    const words = ['image', 'build', '--target', 'server', '--base', this.#base, '--tag', this.image];
    const built = await paddock(this.place, words, { env: this.env });
    if (built.status !== 0) throw new Error(built.stderr);
  }
}

/** A client of the SDK. Disposing hangs up, which ends a server on stdio. */
export class ContainedClient implements AsyncDisposable {
  readonly #client = new Client({ name: 'paddock-test', version: '1.0.0' });
  readonly #agent: Agent | undefined;

  constructor(agent?: Agent) {
    this.#agent = agent;
  }

  async connect(transport: Parameters<Client['connect']>[0]): Promise<this> {
    await this.#client.connect(transport);
    return this;
  }

  async call(name: string, args: Record<string, unknown> = {}): Promise<Answer> {
    return answerOf(await this.#client.callTool({ name, arguments: args }, undefined, { timeout: 120_000 }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
    await this.#agent?.destroy();
  }
}

/** Lines of /proc/PID/status by their names. */
export async function statusOf(pid: number): Promise<Readonly<Record<string, string>>> {
  const lines = (await readFile(`/proc/${pid}/status`, 'utf8')).split('\n');
  return Object.fromEntries(lines.map((line) => line.split(/:\s*/, 2) as [string, string]));
}
