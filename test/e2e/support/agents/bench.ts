import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { agents } from '../../../../src/agents/all.js';
import type {
  AgentEvent,
  AgentId,
  AgentPlan,
  AgentRequest,
  AgentResult,
  Places,
} from '../../../../src/agents/types.js';
import { ModelEndpoint } from '../../../support/models/endpoint.js';
import { installAgent } from './install.js';

/** What a run needs besides its request. */
export interface RunOptions {
  readonly timeoutMs?: number;
  /** Words before the program. */
  readonly before?: readonly string[];
}

export interface AgentRun {
  readonly result: AgentResult;
  readonly events: readonly AgentEvent[];
}

/**
 * A real agent on this machine, as the user of the tests, with a home and a project of its own and models of ours. What
 * it would send anywhere else goes to a proxy that refuses and remembers it (`strayed`).
 */
export class AgentBench implements AsyncDisposable {
  readonly id: AgentId;
  readonly model: ModelEndpoint;
  readonly project: string;
  readonly strayed: string[] = [];
  readonly #root: string;
  readonly #program: readonly string[];
  readonly #trap = createServer();

  private constructor(id: AgentId, root: string, model: ModelEndpoint, program: readonly string[]) {
    this.id = id;
    this.model = model;
    this.project = join(root, 'project');
    this.#root = root;
    this.#program = program;
    this.#trap.on('connect', (request, socket) => {
      this.strayed.push(request.url ?? '');
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    this.#trap.on('request', (request, reply) => {
      this.strayed.push(request.url ?? '');
      reply.writeHead(403).end();
    });
  }

  static async open(id: AgentId): Promise<AgentBench> {
    const program = await installAgent(id);
    // Not below /tmp, where Codex has no helpers of its own.
    const root = await mkdtemp(join(homedir(), 'paddock-agent-'));
    const bench = new AgentBench(id, root, await ModelEndpoint.open(), program);
    await Promise.all(['project', 'home', 'config'].map((name) => mkdir(join(root, name))));
    await new Promise<void>((resolve) => bench.#trap.listen(0, '127.0.0.1', resolve));
    return bench;
  }

  get places(): Places {
    const { url } = this.model;
    const all = {
      anthropic: `${url}/anthropic`,
      openai: `${url}/openai`,
      google: `${url}/google`,
      bedrock: `${url}/bedrock`,
    };
    return { ...all, placeholderKey: 'paddock-placeholder' };
  }

  /** Runs it once, as a caller in earnest does: files first, then the command, ended when its parser wants it to. */
  async run(request: Partial<AgentRequest> = {}, options: RunOptions = {}): Promise<AgentRun> {
    const config = join(this.#root, 'config');
    const asked: AgentRequest = { prompt: 'do it', strictPermissions: false, ...request };
    const plan = agents[this.id].plan(asked, this.places, config);
    for (const file of plan.files) {
      await mkdir(dirname(join(config, file.path)), { recursive: true });
      await writeFile(join(config, file.path), file.content, { mode: file.mode });
    }
    const [program = '', ...words] = [...(options.before ?? []), ...this.#program, ...plan.argv.slice(1)];
    // In a group of its own, so that what it started is ended with it.
    const child = spawn(program, words, {
      cwd: this.project,
      env: this.#environment(plan),
      detached: true,
      stdio: 'pipe',
    });
    child.stdin.on('error', () => {});
    child.stdin.end(plan.stdin);
    return this.#follow(child, asked, options.timeoutMs ?? 60_000);
  }

  #environment(plan: AgentPlan): NodeJS.ProcessEnv {
    const trap = `http://127.0.0.1:${(this.#trap.address() as AddressInfo).port}`;
    return {
      PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
      HOME: join(this.#root, 'home'),
      ...{ HTTP_PROXY: trap, HTTPS_PROXY: trap, http_proxy: trap, https_proxy: trap },
      ...{ NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1', NODE_USE_ENV_PROXY: '1' },
      ...plan.env,
    };
  }

  #follow(child: ChildProcess, asked: AgentRequest, timeoutMs: number): Promise<AgentRun> {
    const parser = agents[this.id].newParser(asked.maxTurns === undefined ? {} : { maxTurns: asked.maxTurns });
    const events: AgentEvent[] = [];
    const started = performance.now();
    let reason: 'exited' | 'aborted' | 'timeout' = 'exited';
    let stderrTail = '';
    const end = (why: 'aborted' | 'timeout') => {
      if (reason === 'exited') reason = why;
      killGroup(child);
    };
    const timer = setTimeout(() => end('timeout'), timeoutMs);
    child.stdout?.on('data', (chunk: Buffer) => {
      events.push(...parser.push(chunk));
      if (parser.wantsEnd !== undefined) end('aborted');
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      stderrTail = (stderrTail + chunk.toString('utf8')).slice(-4000);
    });
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        clearTimeout(timer);
        killGroup(child);
        const durationMs = performance.now() - started;
        const exec = { exitCode: code ?? 137, reason, durationMs, stderrTail, ...(signal === null ? {} : { signal }) };
        resolve({ result: parser.end(exec), events });
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#trap.closeAllConnections();
    await new Promise((resolve) => this.#trap.close(resolve));
    await this.model[Symbol.asyncDispose]();
    await rm(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}
