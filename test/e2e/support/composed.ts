import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { engineSockets } from '../../engine/support/engines.js';
import type { ContainedPlace } from './contained.js';

const run = promisify(execFile);
const project = join(import.meta.dirname, '..', '..', '..');
/** Of itself, as Debian 12 and Ubuntu have it, or Docker's plugin, which is the same program by a longer path. */
const plugin = '/usr/libexec/docker/cli-plugins/docker-compose';

/** A session over HTTP by the SDK's client, from a container that has of this host the npm packages alone. */
const client = `
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
const { secret, asked, command } = JSON.parse(process.env.TASK);
const client = new Client({ name: 'beside', version: '1.0.0' });
const headers = { authorization: 'Bearer ' + secret };
await client.connect(new StreamableHTTPClientTransport(new URL('http://paddock:8484/mcp'), { requestInit: { headers } }));
const call = (name, args) => client.callTool({ name, arguments: args }, undefined, { timeout: 120000 });
const { sessionId } = (await call('create_session', asked)).structuredContent;
const ran = await call('execute_command', { sessionId, command });
await call('destroy_session', { sessionId });
await client.close();
console.log(JSON.stringify(ran.structuredContent));
`;

/** compose.yaml as docs/container.md has it started, on the engine of a place and with its folders. Disposing takes it down. */
export class Composed implements AsyncDisposable {
  #isUp = false;
  readonly #contained: ContainedPlace;
  readonly #name: string;

  /** `name`: of the compose project, and so of what is made. */
  constructor(contained: ContainedPlace, name: string) {
    this.#contained = contained;
    this.#name = name;
  }

  async up(): Promise<void> {
    this.#isUp = true;
    await this.#compose('up', '--detach');
  }

  async down(): Promise<void> {
    if (this.#isUp) await this.#compose('down');
    this.#isUp = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }

  async #compose(...words: readonly string[]): Promise<void> {
    const program = existsSync(plugin) ? plugin : 'docker-compose';
    const { kind, image, place } = this.#contained;
    const env = {
      ...{ PATH: process.env['PATH'], HOME: homedir(), DOCKER_HOST: `unix://${engineSockets[kind]}` },
      ...{ PADDOCK_IMAGE: image, PADDOCK_SOCKET: engineSockets[kind], PADDOCK_STATE: place.stateDir },
      ...{ PADDOCK_RUNTIME: join(place.root, 'run'), PADDOCK_SETTINGS: join(place.root, 'config') },
      PADDOCK_PROJECTS: place.project,
    };
    const args = ['--file', join(project, 'compose.yaml'), '--project-name', this.#name, ...words];
    await run(program, args, { env });
  }

  /** Of the server's container. By the engine's own command, as all that is looked at here: docker-compose takes a second for each word. */
  async id(): Promise<string> {
    return this.#contained.engineSays('ps', '--quiet', ...this.#mine);
  }

  async pid(): Promise<number> {
    return Number(await this.#contained.engineSays('inspect', '--format', '{{.State.Pid}}', await this.id()));
  }

  /** What leads out of the server's container, or into it from this host. */
  async ways(): Promise<{ readonly isInternal: string; readonly published: string; readonly isRouted: boolean }> {
    const isInternal = await this.#contained.engineSays(
      'network',
      'inspect',
      '--format',
      '{{.Internal}}',
      this.#network,
    );
    const published = await this.#contained.engineSays('port', await this.id());
    const routes = (await readFile(`/proc/${await this.pid()}/net/route`, 'utf8')).trim().split('\n').slice(1);
    return { isInternal, published, isRouted: routes.some((line) => line.split('\t')[1] === '00000000') };
  }

  /** A command of a session that a container beside the server asked for. */
  async fromBeside(secret: string, asked: object, command: string): Promise<unknown> {
    const { image } = this.#contained;
    const packages = `${join(project, 'node_modules')}:/client/node_modules:ro`;
    const where = ['--network', this.#network, '-v', packages, '-w', '/client', '--entrypoint', 'node'];
    const task = `TASK=${JSON.stringify({ secret, asked, command })}`;
    const words = ['run', '--rm', ...where, '-e', task, image, '--input-type=module', '--eval', client];
    return JSON.parse(await this.#contained.engineSays(...words)) as unknown;
  }

  /** Names of containers and networks of the project. */
  async left(): Promise<readonly string[]> {
    const containers = await this.#contained.engineSays('ps', '--all', '--quiet', ...this.#mine);
    const networks = await this.#contained.engineSays('network', 'ls', '--quiet', '--filter', `name=${this.#name}`);
    return [containers, networks].filter((one) => one !== '');
  }

  get #network(): string {
    return `${this.#name}_agents`;
  }

  get #mine(): readonly string[] {
    return ['--filter', `label=com.docker.compose.project=${this.#name}`];
  }
}
