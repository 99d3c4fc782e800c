import { SandboxError } from '../core/errors.js';
import type { SitePolicy } from '../core/site-policy.js';
import type { Engine } from '../engine/types.js';
import { ownContainer, ownMounts } from '../kit/proc/own-container.js';
import { isListed } from '../policy/image.js';

/**
 * What the canary of a server in a container is made of: that container's own image, which the engine has and nobody has to name. The host's
 * programs can't be seen. Errors: IMAGE_REFUSED where the site lists no name of it, EngineError.
 */
export async function canaryImage(
  engine: Pick<Engine, 'inspectContainer' | 'listImages'>,
  { images }: Pick<SitePolicy, 'images'>,
  signal?: AbortSignal,
  mountinfoPath?: string,
): Promise<string> {
  const container = ownContainer(ownMounts(mountinfoPath));
  const own = container === undefined ? undefined : bare((await engine.inspectContainer(container, signal)).imageId);
  const built = await engine.listImages('dev.paddock.image=server', signal);
  const names = built.find(({ id }) => bare(id) === own)?.references ?? [];
  const listed = names.find((name) => isListed(name, images));
  if (listed !== undefined) return listed;
  throw new SandboxError(
    'IMAGE_REFUSED',
    "the canary takes the image of the server's container, and the site lists no name of it",
    {
      hint: `In the site policy, list one of its names in \`images\`: ${names.join(', ') || 'it has none; give it one by `paddock image build`'}.`,
    },
  );
}

const bare = (id: string): string => id.replace(/^sha256:/, '');
