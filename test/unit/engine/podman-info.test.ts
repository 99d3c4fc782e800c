import { describe, expect, it } from 'vitest';
import { infoOfPodman, podmanInfo } from '../../../src/engine/wire/system.js';

const info = (parts: object) =>
  infoOfPodman(
    podmanInfo.parse({
      host: {
        ...{ cgroupManager: 'systemd', cgroupVersion: 'v2', cgroupControllers: null, ociRuntime: { name: 'crun' } },
        security: { rootless: true, seccompEnabled: true, apparmorEnabled: false, selinuxEnabled: false },
        ...parts,
      },
      store: { graphDriverName: 'overlay' },
      version: { Version: '5.4.2' },
    }),
  ).components;

describe('the components that Podman names', () => {
  it('have the version that each says of itself', () => {
    expect(info({ pasta: { version: 'pasta 2025_12_15.8ec1341\nCopyright\n', package: 'passt_1' } })).toContainEqual({
      ...{ name: 'pasta', version: 'pasta 2025_12_15.8ec1341' },
    });
    expect(info({ slirp4netns: { version: 'slirp4netns version 1.2.1\ncommit: 0' } })).toContainEqual({
      ...{ name: 'slirp4netns', version: '1.2.1' },
    });
  });

  it('have that of the package where AppArmor lets a part say nothing, and are none where neither is known', () => {
    const silent = 'passt_0.0~git20250503.587980c-2+deb13u1_amd64';
    expect(info({ pasta: { version: '', package: silent } })).toContainEqual({ name: 'pasta', version: silent });
    const none = { pasta: { version: '', package: 'Unknown' }, slirp4netns: { version: '', package: '' } };
    expect(info(none)).toEqual([{ name: 'podman', version: '5.4.2' }]);
  });
});
