import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { serverType } from '../../../src/confine/selinux.js';
import { version } from '../../../src/core/version.js';

interface ComposeFile {
  readonly services: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly networks: unknown;
}

describe('compose.yaml', () => {
  const read = async () => parse(await readFile('compose.yaml', 'utf8')) as ComposeFile;

  it('is in the package, and has the image of this version', async () => {
    const { files } = JSON.parse(await readFile('package.json', 'utf8')) as { files: string[] };
    expect(files).toContain('compose.yaml');
    const { services } = await read();
    expect(services['paddock']?.['image']).toBe(`\${PADDOCK_IMAGE:-localhost/paddock/server:${version}}`);
  });

  it('has one service, which gets no right, no port, and of the host the socket and four folders at their own paths', async () => {
    const { services, networks } = await read();
    expect(Object.keys(services)).toEqual(['paddock']);
    const { paddock = {} } = services;
    const hardened = { read_only: true, cap_drop: ['ALL'], networks: ['agents'] };
    const security = ['no-new-privileges', `label=type:${serverType}`];
    expect(paddock).toMatchObject({ ...hardened, security_opt: security, pids_limit: 512, ulimits: { core: 0 } });
    for (const key of ['ports', 'privileged', 'cap_add', 'devices', 'network_mode', 'pid', 'ipc', 'extends'])
      expect(paddock).not.toHaveProperty(key);
    const mounts = (paddock['volumes'] as string[]).map((one) => one.replaceAll(/\$\{(\w+)(?::[?-][^}]*)?\}/g, '<$1>'));
    expect(mounts).toEqual([
      '<PADDOCK_SOCKET>:/run/engine.sock',
      ...['<PADDOCK_STATE>:<PADDOCK_STATE>:z', '<PADDOCK_RUNTIME>:<PADDOCK_RUNTIME>:z'],
      '<PADDOCK_SETTINGS>:<PADDOCK_SETTINGS>:ro,Z',
      '<PADDOCK_PROJECTS>:<PADDOCK_PROJECTS>:<PADDOCK_PROJECTS_MODE>',
    ]);
    expect(networks).toEqual({ agents: { internal: true } });
  });
});
