import { describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engine/types.js';
import { networkHelperFor } from '../../../src/sandbox/network-helper.js';

const engine = (components: Record<string, string>, kind: 'podman' | 'docker' = 'podman') => {
  const listed = Object.entries(components).map(([name, version]) => ({ name, version }));
  return { identity: { kind }, info: () => Promise.resolve({ components: listed }) } as unknown as Engine;
};

describe('by what a rootless Podman joins network open', () => {
  it.each([
    [{ slirp4netns: '1.2.0' }, 'slirp4netns'],
    [{ slirp4netns: '1.3.1', pasta: '0.0~git20250503.587980c-2' }, 'slirp4netns'],
    [{ pasta: '0.0~git20250503.587980c-2' }, 'pasta'],
    [{ pasta: '2025_12_15.8ec1341' }, 'pasta'],
  ])('of %j is %s', async (components, expected) => {
    expect(await networkHelperFor(engine(components), 'open')).toBe(expected);
  });

  it.each([{}, { pasta: '0.0~git20230309.7c7625d-1' }, { pasta: '' }, { netavark: '1.4' }])(
    'is nothing of %j: it is refused, with the reason',
    async (components) => {
      await expect(networkHelperFor(engine(components), 'open')).rejects.toMatchObject({
        code: 'SANDBOX_UNVERIFIED',
        message: expect.stringContaining('the host’s loopback would be open'),
      });
    },
  );

  it('is not asked for with another network, nor of Docker, whose daemon is joined already', async () => {
    expect(await networkHelperFor(engine({}), 'allowlist')).toBeUndefined();
    expect(await networkHelperFor(engine({}, 'docker'), 'open')).toBeUndefined();
  });
});
