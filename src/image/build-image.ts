import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentId } from '../agents/types.js';
import { EngineError, PaddockError, SandboxError } from '../core/errors.js';
import type { SitePolicy } from '../core/site-policy.js';
import type { Engine } from '../engine/types.js';
import { removeFolder } from '../kit/remove-folder.js';
import { decideBuild } from '../policy/image-build.js';
import { judgeImage } from '../policy/judge-image.js';
import { toPolicyDenied } from '../policy/verdict.js';
import { type AgentPackage, agentPackage, packageFileName } from './agent-packages.js';
import { buildContext, containerfileName, type PackageFile, serverContext, stageOf } from './build-context.js';
import { proxyArguments } from './proxy-arguments.js';
import { takePackage } from './take-package.js';

/** Label of every image that is built here, and of the steps it was built in. */
export const builtLabel = 'dev.paddock.image';

/** Installing everything over a slow line takes minutes; a step that hangs is ended by this. */
const buildTimeoutMs = 60 * 60_000;

export interface ImageBuildRequest {
  readonly base: string;
  readonly target: 'sandbox' | 'server';
  readonly reference: string;
  readonly agents: readonly AgentId[];
  readonly network: 'none' | 'engine';
  /** Folder with the packages as files, as `npm pack` names them; without it npm fetches them. */
  readonly packageFolder: string | undefined;
}

export interface ImageBuilderOptions {
  readonly engine: Engine;
  readonly sitePolicy: SitePolicy;
  readonly containerfile: string;
  /** Where this Paddock is installed: what an image of the server gets. */
  readonly packageRoot: string;
  /** A Node name, such as `x64`. */
  readonly processor: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where a folder for what is fetched is made, and removed again. */
  readonly tempFolder: string;
  readonly fetchPackage: (wanted: AgentPackage, folder: string, signal: AbortSignal) => Promise<string>;
  /** Whether SELinux enforces where the engine runs. */
  readonly isLabelled?: boolean;
  /** Which package an agent comes in. */
  readonly packageOf?: (agent: AgentId, processor: string) => AgentPackage | undefined;
}

export interface BuildProgress {
  /** What we do, a line each. */
  readonly onStep: (text: string) => void;
  /** What the builder and its steps print: foreign text, as it comes. */
  readonly onOutput: (text: string) => void;
}

export interface BuiltImage {
  readonly id: string;
  readonly reference: string;
  readonly sizeBytes: number;
  readonly agents: readonly { readonly agent: AgentId; readonly version: string }[];
}

/**
 * Builds images from the container file. Errors: POLICY_DENIED, BAD_CONFIG, AGENT_NOT_FETCHED, IMAGE_NOT_FOUND, IMAGE_REFUSED,
 * IMAGE_BUILD_FAILED, EngineError. What a build leaves in the engine without a name, an older image of that name too, is removed.
 */
export class ImageBuilder {
  readonly #options: ImageBuilderOptions;

  constructor(options: ImageBuilderOptions) {
    this.#options = options;
  }

  async build(request: ImageBuildRequest, progress: BuildProgress, signal: AbortSignal): Promise<BuiltImage> {
    const { sitePolicy, env } = this.#options;
    const verdict = decideBuild(request, sitePolicy);
    if (verdict.verdict === 'deny') throw toPolicyDenied(verdict);
    const proxies = request.network === 'none' ? {} : proxyArguments(env);
    const wanted = this.#packages(request.agents);
    const base = await this.#readyBase(request.base, verdict.pullAllowed, progress, signal);
    await using folder = await temporaryFolder(this.#options.tempFolder);
    const files = await this.#packageFiles(wanted, request.packageFolder, folder.path, progress, signal);
    progress.onStep(`building ${request.reference} on ${request.base}, network ${request.network}`);
    const { reference, target, network } = request;
    const text = stageOf(this.#options.containerfile, target) ?? this.#options.containerfile;
    const id = await this.#run(
      {
        ...{ reference, target, network, containerfile: containerfileName, timeoutMs: buildTimeoutMs },
        context: target === 'server' ? serverContext(text, this.#options.packageRoot) : buildContext(text, files),
        args: { ...proxies, BASE: base },
        onOutput: progress.onOutput,
      },
      signal,
    );
    const { sizeBytes } = await this.#inspectBuilt(reference, id, signal);
    return { id, reference, sizeBytes, agents: wanted.map(({ agent, version }) => ({ agent, version })) };
  }

  async #run(request: Parameters<Engine['buildImage']>[0], signal: AbortSignal): Promise<string> {
    const { engine } = this.#options;
    try {
      return await engine.buildImage(request, signal);
    } catch (thrown) {
      throw this.#options.isLabelled === true ? withLabels(thrown) : thrown;
    } finally {
      request.context.destroy();
      // Half of a failed build stays otherwise, and gigabytes with every one that replaces another. What is in use is kept.
      await engine.pruneImages(builtLabel).catch(() => undefined);
    }
  }

  /** The name may point elsewhere by now: what counts is what was built. */
  async #inspectBuilt(reference: string, id: string, signal: AbortSignal) {
    const info = await this.#options.engine.inspectImage(reference, signal);
    if (info?.id === id) return info;
    throw new EngineError('ENGINE_PROTOCOL', `image build: ${reference} is not the image that was built`);
  }

  #packages(agents: readonly AgentId[]): readonly AgentPackage[] {
    const { processor, packageOf = agentPackage } = this.#options;
    return [...new Set(agents)].map((agent) => {
      const wanted = packageOf(agent, processor);
      if (wanted !== undefined) return wanted;
      throw new PaddockError('BAD_ARGUMENT', `there is no package of ${agent} for this processor (${processor})`);
    });
  }

  /** The base by its id where it can be, so that what was looked at is what is built on. */
  async #readyBase(base: string, pullAllowed: boolean, progress: BuildProgress, signal: AbortSignal): Promise<string> {
    const { engine } = this.#options;
    let info = await engine.inspectImage(base, signal);
    if (info === undefined && pullAllowed) {
      progress.onStep(`pulling ${base}`);
      await engine.pullImage(base, signal);
      info = await engine.inspectImage(base, signal);
    }
    if (info === undefined) {
      const hint = 'Load or import it with the engine first; docs/images.md says how to make one without a registry.';
      throw new SandboxError('IMAGE_NOT_FOUND', `the engine has no image ${base}`, { info: { pullAllowed }, hint });
    }
    const verdict = judgeImage(info);
    if (verdict.verdict === 'allow') return info.id;
    throw new SandboxError('IMAGE_REFUSED', verdict.reason, { info: { ruleId: verdict.ruleId } });
  }

  async #packageFiles(
    wanted: readonly AgentPackage[],
    packageFolder: string | undefined,
    folder: string,
    progress: BuildProgress,
    signal: AbortSignal,
  ): Promise<readonly PackageFile[]> {
    const files: PackageFile[] = [];
    // One after the other: each is up to 180 MB, and npm loads with several connections.
    for (const one of wanted) {
      progress.onStep(`${packageFolder === undefined ? 'fetching' : 'reading'} ${one.name}@${one.version}`);
      const path =
        packageFolder === undefined
          ? await this.#options.fetchPackage(one, folder, signal)
          : join(packageFolder, packageFileName(one));
      files.push(await takePackage({ package: one, path }, folder, signal));
      // What was fetched would take its space twice.
      if (packageFolder === undefined) await rm(path);
    }
    return files;
  }
}

/** No step runs there whose pipes the builder may not label, and only its words say so, which nobody goes by. */
function withLabels(thrown: unknown): unknown {
  if (!(thrown instanceof EngineError) || thrown.code !== 'IMAGE_BUILD_FAILED') return thrown;
  const hint = `${thrown.hint} SELinux enforces here: where the builder may not label a step’s pipes (\`setting file label\`), docs/selinux.md has the rule that lets it.`;
  return new EngineError(thrown.code, thrown.message, { info: thrown.info, cause: thrown, hint });
}

async function temporaryFolder(parent: string): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(parent, 'paddock-build-'));
  return { path, [Symbol.asyncDispose]: () => removeFolder(path) };
}
