import type { SandboxSpec } from '../core/spec.js';
import { baseEnv } from '../policy/surroundings.js';
import type { BindMount } from '../workspace/binds.js';
import { imageVolumeTmpfs } from './body/input.js';
import type { ReadyImage } from './images.js';

/** The image's variables, the spec's over them; the default PATH leads to the host folders' programs as well. */
export function environment(image: ReadyImage, spec: SandboxSpec): Readonly<Record<string, string>> {
  const env = { ...image.env, ...spec.env };
  const path = env['PATH'];
  if (image.pathFolders.length === 0 || path === undefined || path !== baseEnv('host')['PATH']) return env;
  return { ...env, PATH: [...image.pathFolders, path].join(':') };
}

/** The spec with a small tmpfs over every path that the image declares as a volume and nothing else is shown at. */
export function coveringVolumes(spec: SandboxSpec, image: ReadyImage, binds: readonly BindMount[]): SandboxSpec {
  const isTaken = (path: string) => spec.tmpfs.some((t) => t.target === path) || binds.some((b) => b.target === path);
  const volumes = image.volumes
    .filter((path) => !isTaken(path))
    .map((path) => imageVolumeTmpfs(path, spec.limits.memoryBytes));
  return volumes.length === 0 ? spec : { ...spec, tmpfs: [...spec.tmpfs, ...volumes] };
}
