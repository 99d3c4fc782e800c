import { join } from 'node:path';
import type { AgentEvent, AgentId, AgentRequest } from '../../../../src/agents/types.js';
import type { EngineKind } from '../../../../src/engine/types.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { Disposables } from '../../../../src/kit/disposables.js';
import { startAgent } from '../../../../src/session/agents/agent-run.js';
import type { AgentMeans, AgentSession } from '../../../../src/session/agents/means.js';
import type { AgentReport } from '../../../../src/session/agents/types.js';
import { shownReview } from '../../../../src/session/changes/shown-review.js';
import { SessionFiles } from '../../../../src/session/files.js';
import { requireLayer } from '../../../../src/session/layers.js';
import type { Session } from '../../../../src/session/session.js';
import { changesOf } from '../../../../src/workspace/changes/changes-of.js';
import { FrameWatch } from '../../../engine/support/frame-watch.js';
import { runsIn, searchBy } from '../../../engine/support/search-inside.js';
import { Stage } from '../../../engine/support/stage.js';
import { ModelEndpoint } from '../../../support/models/endpoint.js';
import { agentFolder } from './install.js';

/** In no sandbox, ever. */
export const realKeys = {
  anthropic: 'sk-ant-REAL-0a1b2c3d4e5f6g7h',
  openai: 'sk-REAL-9z8y7x6w5v4u3t2s',
  google: 'google-REAL-2b4d6f8h0j1l3n5p',
};

/** What is planted, to see that it is found: each in one of the ways in which a key could hide. */
export const canaries = ['clear', 'base64', 'hex', 'reversed'].map((how) => ({
  how,
  text: `sk-canary-${how}-8h6g4f2d0s`,
}));

/** Sessions over projects of their own whose sandboxes have no network, in which a real agent works with models of ours. */
export class SandboxBench implements AsyncDisposable {
  readonly id: AgentId;
  readonly stage: Stage;
  readonly model: ModelEndpoint;
  readonly means: AgentMeans;
  /** Of all its sessions' channels. */
  readonly frames: FrameWatch;
  readonly #folder: string;
  readonly #held: Disposables;

  private constructor(
    id: AgentId,
    made: { readonly stage: Stage; readonly model: ModelEndpoint; readonly frames: FrameWatch },
    folder: string,
    held: Disposables,
  ) {
    const { stage, model, frames } = made;
    [this.id, this.stage, this.model, this.frames] = [id, stage, model, frames];
    [this.#folder, this.#held] = [folder, held];
    this.means = {
      ...{ sitePolicy: stage.policy, clock: systemClock, hostPath: join(folder, 'bin') },
      async review(session, signal) {
        const { layer } = await requireLayer(stage.store, session);
        return shownReview(layer, await changesOf(layer, { program: stage.maker.init.source, signal }));
      },
    };
  }

  static async open(kind: EngineKind, id: AgentId): Promise<SandboxBench> {
    const folder = await agentFolder(id);
    await using held = new Disposables();
    const model = held.use(await ModelEndpoint.open());
    const { url } = model;
    const environment = { ANTHROPIC_BASE_URL: url, OPENAI_BASE_URL: url, GOOGLE_GEMINI_BASE_URL: url };
    const frames = new FrameWatch([...Object.values(realKeys), ...canaries.map(({ text }) => text)]);
    const policy = { hostFolders: [folder] };
    const stage = held.use(await Stage.open(kind, { policy, keys: { environment }, frames }));
    return new SandboxBench(id, { stage, model, frames }, folder, held.move());
  }

  /** With the real keys, and a broker that leads to our models. */
  async session(): Promise<Session> {
    const projectPath = await this.stage.project();
    const keys = { apiKey: realKeys.anthropic, openaiApiKey: realKeys.openai, googleApiKey: realKeys.google };
    return await this.stage.create({ projectPath, workspace: 'cow', hostFolders: [this.#folder], ...keys });
  }

  async run(session: AgentSession, request: Partial<AgentRequest> = {}, timeout = '60s') {
    const events: AgentEvent[] = [];
    const asked = {
      ...{
        agent: this.id,
        timeout,
        mcpSecretsAllowed: false,
        onEvents: (more: readonly AgentEvent[]) => events.push(...more),
      },
      request: { prompt: 'do it', strictPermissions: false, ...request },
    };
    const run = await startAgent(session, asked, this.means, new AbortController().signal);
    await run.settled;
    if (run.outcome === undefined || 'error' in run.outcome) throw run.outcome?.error ?? new Error('no outcome');
    const report: AgentReport = run.outcome.report;
    return { report, events, run };
  }

  /** Places inside that hold any of those texts, however it is spelled. */
  search(session: Session, ...texts: readonly string[]): Promise<readonly string[]> {
    return searchBy(runsIn(session), texts, [this.#folder]);
  }

  /** Writes each canary to a file inside, spelled in its way; the files, in the order of their names. */
  async plant(session: Session): Promise<readonly string[]> {
    const spelled = (how: string, bytes: Buffer) => {
      if (how === 'reversed') return bytes.reverse().toString();
      return bytes.toString(how === 'clear' ? 'utf8' : (how as BufferEncoding));
    };
    const files = canaries.map(({ how, text }) => ({ path: `/tmp/${how}`, text: spelled(how, Buffer.from(text)) }));
    const options = { parents: true, overwrite: true };
    for (const { path, text } of files) await new SessionFiles(session).write(path, Buffer.from(text), options);
    return files.map(({ path }) => path).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held[Symbol.asyncDispose]();
  }
}
