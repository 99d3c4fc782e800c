import { PaddockError, SandboxError, toPaddockError } from '../core/errors.js';
import type { ImageSpec } from '../core/spec.js';
import type { BoundFolder, Engine } from '../engine/types.js';
import { isInside } from '../kit/path-containment.js';
import type { Mount } from '../kit/proc/mountinfo.js';
import { ownContainer, ownMounts } from '../kit/proc/own-container.js';
import { safeLine } from '../kit/safe-text.js';

/** For whoever asks from elsewhere, who is told nothing of this host but what lies below these folders. */
interface Discretion {
  readonly roots: readonly string[];
  /** Gets what they are not told, in one line, for whoever runs the server. */
  readonly note: (line: string) => void;
}

/**
 * What the engine sees of the paths that a server in a container names: of its own container the engine says what was mounted, and
 * only what lies at its own path is at the same path for both.
 */
export class EngineView {
  readonly #engine: Pick<Engine, 'inspectContainer'>;
  readonly #discretion: Discretion | undefined;
  readonly #mountinfoPath: string | undefined;

  constructor(engine: Pick<Engine, 'inspectContainer'>, discretion?: Discretion, mountinfoPath?: string) {
    this.#engine = engine;
    this.#discretion = discretion;
    this.#mountinfoPath = mountinfoPath;
  }

  /** Refuses what shows programs of the host, of which none are here. Errors: IMAGE_REFUSED. */
  refuseImage({ kind }: ImageSpec): void {
    if (kind !== 'host') return;
    throw new SandboxError('IMAGE_REFUSED', 'a server in a container has no programs of the host to show', {
      hint: 'Name an image that the site policy lists; `paddock image build` makes one (docs/container.md).',
    });
  }

  /** Refuses a session that outlives its command: whoever uses it next could not see whether its process 1 is still the one that was proven. Errors: BAD_ARGUMENT. */
  refuseDetached(): void {
    throw new PaddockError('BAD_ARGUMENT', 'from within a container no session can be made that outlives its command', {
      hint: 'Run the command in a session that ends with it (`paddock run`), have the server make one, or make it on the host (docs/container.md).',
    });
  }

  /**
   * Refuses a path of ours that is not the engine's. Nobody else would notice: an overlay shows its lower layer by a path, which the
   * server would look at in its own root. So where the engine does not know this container everything is refused. Errors:
   * PATH_NOT_ON_HOST, EngineError.
   */
  async check(paths: readonly string[], signal?: AbortSignal): Promise<void> {
    const mounts = ownMounts(this.#mountinfoPath);
    const binds = await this.#binds(ownContainer(mounts), signal);
    const shared = new Set(binds.filter(({ source, target }) => source === target).map(({ target }) => target));
    const foreign = paths.find((path) => !shared.has(placeOf(path, mounts) ?? ''));
    if (foreign === undefined) return;
    throw this.#discretion === undefined
      ? notOnHost(foreign, [...shared])
      : discreet(foreign, shared, this.#discretion);
  }

  /** What was mounted into this container; nothing where the engine has no container of that id. */
  async #binds(id: string | undefined, signal?: AbortSignal): Promise<readonly BoundFolder[]> {
    if (id === undefined) return [];
    try {
      return (await this.#engine.inspectContainer(id, signal)).binds ?? [];
    } catch (thrown) {
      if (toPaddockError(thrown).code === 'ENGINE_NOT_FOUND') return [];
      throw thrown;
    }
  }
}

function notOnHost(path: string, shared: readonly string[]): SandboxError {
  return new SandboxError('PATH_NOT_ON_HOST', `${path} is not known to be at the same path on the host`, {
    info: { path, shared },
    hint: `Mount the folder into the server's container at its own path, as with -v ${path}:${path}, or name one that is: ${shared.join(', ') || 'there is none'}.`,
  });
}

/** What is mounted are the folders of other keys, too, and Paddock's own. */
function discreet(path: string, shared: ReadonlySet<string>, { roots, note }: Discretion): SandboxError {
  note(safeLine(`PATH_NOT_ON_HOST: ${path}; at the same path are: ${[...shared].join(', ') || 'none'}`, 4000));
  const isTheirs = roots.some((root) => isInside(path, root));
  return new SandboxError(
    'PATH_NOT_ON_HOST',
    `${isTheirs ? path : 'a folder of the server'} is not known to be at the same path on the host`,
    {
      info: isTheirs ? { path } : {},
      hint: 'Have whoever runs the server mount that folder into its container at its own path, or name another project.',
    },
  );
}

/** The deepest mount that a path is in. */
function placeOf(path: string, mounts: readonly Mount[]): string | undefined {
  const around = mounts.map(({ mountPoint }) => mountPoint).filter((place) => isInside(path, place));
  return around.toSorted((a, b) => b.length - a.length)[0];
}
