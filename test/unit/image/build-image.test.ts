import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { builtInPolicy } from '../../../src/config/built-in-policy.js';
import { EngineError } from '../../../src/core/errors.js';
import type { Engine } from '../../../src/engine/types.js';
import { ImageBuilder } from '../../../src/image/build-image.js';

const base = 'localhost/base:1';

/** An engine of which every build fails. */
const failing = {
  inspectImage: () => Promise.resolve({ id: 'a', env: [], labels: {}, volumes: [], sizeBytes: 1, annotations: {} }),
  buildImage: () =>
    Promise.reject(new EngineError('IMAGE_BUILD_FAILED', 'step 2', { info: { engineWords: 'status 1' } })),
  pruneImages: () => Promise.resolve(),
} as unknown as Engine;

it.each([
  [true, /SELinux enforces here.*docs\/selinux\.md/],
  [false, /^(?!.*SELinux)/],
])('a build that failed says what SELinux may have to do with it where it enforces: %s', async (isLabelled, hint) => {
  const builder = new ImageBuilder({
    ...{ engine: failing, env: {}, processor: 'x64', tempFolder: tmpdir(), containerfile: '', packageRoot: '.' },
    sitePolicy: { ...builtInPolicy('/home/ada'), images: ['localhost/*'] },
    fetchPackage: () => Promise.reject(new Error('nothing is fetched here')),
    isLabelled,
  });
  const asked = { base, target: 'sandbox', reference: 'localhost/x:1', agents: [], network: 'none' } as const;
  const quiet = { onStep: () => undefined, onOutput: () => undefined };
  const built = builder.build({ ...asked, packageFolder: undefined }, quiet, new AbortController().signal);
  await expect(built).rejects.toMatchObject({
    ...{ code: 'IMAGE_BUILD_FAILED', message: 'step 2', info: { engineWords: 'status 1' } },
    hint: expect.stringMatching(hint) as unknown,
  });
});
