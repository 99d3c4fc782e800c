import { SandboxError, toPaddockError } from '../core/errors.js';
import type { ImageSpec } from '../core/spec.js';
import type { BoundFolder, Engine } from '../engine/types.js';
import { isInside } from '../kit/path-containment.js';
import { type Mount, parseMountinfo } from '../kit/proc/mountinfo.js';
import { readProcFile } from '../kit/proc/read.js';
import { visibleMounts } from '../kit/proc/visible-mounts.js';

const mostBytes = 2 * 1024 * 1024;
/** Files that engines keep for each container, in a folder that is named after it, and show in it. */
const engineFiles = ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf', '/run/.containerenv'];

/**
 * What the engine sees of the paths that a server in a container names: of its own container the engine says what was mounted, and
 * only what lies at its own path is at the same path for both.
 */
export class EngineView {
  readonly #engine: Pick<Engine, 'inspectContainer'>;
  readonly #mountinfoPath: string;

  constructor(engine: Pick<Engine, 'inspectContainer'>, mountinfoPath = '/proc/self/mountinfo') {
    this.#engine = engine;
    this.#mountinfoPath = mountinfoPath;
  }

  /** Refuses what shows programs of the host, of which none are here. Errors: IMAGE_REFUSED. */
  refuseImage({ kind }: ImageSpec): void {
    if (kind !== 'host') return;
    throw new SandboxError('IMAGE_REFUSED', 'a server in a container has no programs of the host to show', {
      hint: 'Name an image that the site policy lists; `paddock image build` makes one (docs/container.md).',
    });
  }

  /**
   * Refuses a path of ours that is not the engine's. Where the engine does not know this container nothing is said: that the sandbox shows
   * what was approved is proven later, by device and inode. Errors: PATH_NOT_ON_HOST, EngineError.
   */
  async check(paths: readonly string[], signal?: AbortSignal): Promise<void> {
    const mounts = visibleMounts(parseMountinfo(readProcFile(this.#mountinfoPath, mostBytes) ?? '').mounts);
    const id = ownContainer(mounts);
    if (id === undefined) return;
    const binds = await this.#bindsOf(id, signal);
    if (binds === undefined) return;
    const shared = new Set(binds.filter(({ source, target }) => source === target).map(({ target }) => target));
    const foreign = paths.find((path) => !shared.has(placeOf(path, mounts) ?? ''));
    if (foreign === undefined) return;
    throw new SandboxError('PATH_NOT_ON_HOST', `${foreign} is not known to be at the same path on the host`, {
      info: { path: foreign, shared: [...shared] },
      hint: `Mount the folder into the server's container at its own path, as with -v ${foreign}:${foreign}, or name one that is: ${[...shared].join(', ') || 'there is none'}.`,
    });
  }

  async #bindsOf(id: string, signal?: AbortSignal): Promise<readonly BoundFolder[] | undefined> {
    try {
      return (await this.#engine.inspectContainer(id, signal)).binds ?? [];
    } catch (thrown) {
      if (toPaddockError(thrown).code === 'ENGINE_NOT_FOUND') return undefined;
      throw thrown;
    }
  }
}

/** The id of the container that this process is in, as its engine has named the folder of its files. */
function ownContainer(mounts: readonly Mount[]): string | undefined {
  const roots = mounts.filter(({ mountPoint }) => engineFiles.includes(mountPoint)).map(({ root }) => root);
  return roots.map((root) => /\/([0-9a-f]{64})\//.exec(root)?.[1]).find((id) => id !== undefined);
}

/** The deepest mount that a path is in. */
function placeOf(path: string, mounts: readonly Mount[]): string | undefined {
  const around = mounts.map(({ mountPoint }) => mountPoint).filter((place) => isInside(path, place));
  return around.toSorted((a, b) => b.length - a.length)[0];
}
