import { Readable } from 'node:stream';
import { SandboxError } from '../core/errors.js';
import type { ImageSpec } from '../core/spec.js';
import type { ImageInfo } from '../engine/image-types.js';
import type { Engine } from '../engine/types.js';
import { judgeImage } from '../policy/judge-image.js';
import type { BindMount } from '../workspace/binds.js';
import { programPaths } from '../workspace/host-binds.js';
import type { HostImage } from '../workspace/host-image.js';

/** An image that is there and may be used. */
export interface ReadyImage {
  /** What the engine is told: an id, or the digest-named reference of ours. */
  readonly engineName: string;
  /** Whether a mapped copy of its layers is cheap. */
  readonly isSmall: boolean;
  readonly volumes: readonly string[];
  /** The image's own environment, under the sandbox's. */
  readonly env: Readonly<Record<string, string>>;
  /** Folders with programs that go before the default PATH: those of the host image's extra folders. */
  readonly pathFolders: readonly string[];
  /** What a caller should know of it. */
  readonly notes: readonly string[];
  /** Host paths that belong to the image, read-only. */
  readonly binds: readonly BindMount[];
}

export interface ImageStoreOptions {
  readonly engine: Engine;
  /** The host image and the host paths it shows; made once per process. */
  readonly hostImage: () => Promise<HostImageParts>;
  /** Approves the extra folders of the host image. */
  readonly extraBinds: (folders: readonly string[]) => Promise<readonly BindMount[]>;
  /** Refuses an image by what is known of it, or returns what the caller should know; absent: nothing is asked of images. */
  readonly gate?: (reference: string, imageId: string) => Promise<readonly string[]>;
}

export interface HostImageParts {
  readonly image: HostImage;
  readonly binds: readonly BindMount[];
}

/** Up to this size Podman's mapped copy of an image's layers takes less than a tenth of a second. */
const smallImageBytes = 16 * 1024 * 1024;

/** Makes sure that an image is there and is one that may be run. Errors: IMAGE_NOT_FOUND, IMAGE_REFUSED, PolicyDenied (the gate's), EngineError. */
export class ImageStore {
  readonly #options: ImageStoreOptions;

  #hostId: string | undefined;

  constructor(options: ImageStoreOptions) {
    this.#options = options;
  }

  /** Looks for the host image again at the next create: the engine has said that it is gone. */
  forgetHost(): void {
    this.#hostId = undefined;
  }

  async ready(spec: ImageSpec, signal?: AbortSignal): Promise<ReadyImage> {
    if (spec.kind === 'reference') return this.#reference(spec, signal);
    const [host, extra] = await Promise.all([this.#options.hostImage(), this.#options.extraBinds(spec.extraFolders)]);
    const paths = await Promise.all(extra.map(({ source }) => programPaths(source)));
    return {
      // By id, like any image: what was looked at is what runs, wherever the name points by then.
      engineName: await this.#hostImageId(host.image, signal),
      isSmall: true,
      volumes: [],
      env: {},
      pathFolders: paths.flat(),
      notes: [],
      binds: [...host.binds, ...extra],
    };
  }

  /**
   * Anybody's archive can carry our image's name into the engine, so one that is there counts only when its content is
   * ours, to the byte, and nothing else is set in it; otherwise ours is imported over the name.
   */
  async #hostImageId(image: HostImage, signal?: AbortSignal): Promise<string> {
    if (this.#hostId !== undefined) return this.#hostId;
    const { engine } = this.#options;
    const present = await engine.inspectImage(image.reference, signal);
    if (present !== undefined && isOurs(present, image)) return this.#remember(present);
    await engine.importImage(image.reference, Readable.from([image.tar]), signal);
    const imported = await engine.inspectImage(image.reference, signal);
    if (imported !== undefined && isOurs(imported, image)) return this.#remember(imported);
    throw new SandboxError('IMAGE_REFUSED', 'the host image in the engine is not the one that was imported', {
      hint: `Remove it (\`podman rmi ${image.reference}\`) and call again.`,
    });
  }

  /** An id names one content for good, so what was found to be ours stays so until somebody removes it. */
  #remember({ id }: ImageInfo): string {
    this.#hostId = id;
    return id;
  }

  async #reference(spec: ImageSpec & { kind: 'reference' }, signal?: AbortSignal): Promise<ReadyImage> {
    const { engine } = this.#options;
    let info = await engine.inspectImage(spec.reference, signal);
    if (info === undefined && spec.pullAllowed) {
      await engine.pullImage(spec.reference, signal);
      info = await engine.inspectImage(spec.reference, signal);
    }
    if (info === undefined) {
      throw new SandboxError('IMAGE_NOT_FOUND', `the engine has no image ${spec.reference}`, {
        info: { pullAllowed: spec.pullAllowed },
      });
    }
    const verdict = judgeImage(info);
    if (verdict.verdict === 'deny') {
      throw new SandboxError('IMAGE_REFUSED', verdict.reason, { info: { ruleId: verdict.ruleId } });
    }
    const { env, volumes } = verdict;
    const known = (await this.#options.gate?.(spec.reference, info.id)) ?? [];
    return { ...fromInfo(info), env, pathFolders: [], volumes, notes: [...verdict.notes, ...known] };
  }
}

function isOurs(info: ImageInfo, image: HostImage): boolean {
  const { layers, volumes, annotations, user } = info;
  const isBare = volumes.length === 0 && Object.keys(annotations).length === 0 && user === '';
  return isBare && layers.length === 1 && layers[0] === image.layer;
}

function fromInfo(info: ImageInfo): Pick<ReadyImage, 'engineName' | 'isSmall' | 'binds'> {
  return {
    // By id: the name may point elsewhere by the time the engine looks it up.
    engineName: info.id,
    isSmall: info.sizeBytes <= smallImageBytes,
    binds: [],
  };
}
