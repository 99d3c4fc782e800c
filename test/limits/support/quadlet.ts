import { spawnSync } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { selinuxMode } from '../../../src/confine/selinux.js';
import type { EngineKind } from '../../../src/engine/types.js';
import { Place } from '../../e2e/support/place.js';
import { uniqueName } from '../../engine/support/engines.js';
import { outsideOf } from './selinux.js';
import { lacksManager, property, systemctl, userRuntime } from './user-manager.js';

/** Where Quadlet looks for what a user has. */
export const quadlets = join(homedir(), '.config/containers/systemd');
const units = join(homedir(), '.config/systemd/user');

/**
 * The Quadlet unit for the server and its socket as they are shipped, under names of their own, with the folders of a test and an image of
 * what is built here. Disposing stops and removes all of it.
 */
export class Box implements AsyncDisposable {
  readonly unit = uniqueName('paddock-box');
  readonly service = `${this.unit}.service`;
  readonly socket = `${this.unit}.socket`;
  readonly image = `localhost/${this.unit}:1`;
  readonly place: Place;
  readonly #wasListening = property('podman.socket', 'ActiveState') === 'active';

  private constructor(place: Place) {
    this.place = place;
  }

  /** `more`: lines for the drop-in `10-mine.conf`. Without a systemd user manager there is only the place. */
  static async make(kind: EngineKind, more: (place: Place) => readonly string[] = () => []): Promise<Box> {
    const box = new Box(await Place.make(kind));
    if (lacksManager()) return box;
    await box.#settle(more(box.place));
    importServerImage(box.place.root, box.image);
    return box;
  }

  podman(...args: readonly string[]): string {
    return podmanOfUser(...args);
  }

  /** Further drop-ins, as an operator writes them: of the container, and of the socket by `systemctl --user edit`. */
  async edit(container: readonly string[], socket: readonly string[]): Promise<void> {
    const folder = join(units, `${this.socket}.d`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'override.conf'), ['[Socket]', ...socket, ''].join('\n'));
    const file = join(quadlets, `${this.unit}.container.d`, '20-more.conf');
    await writeFile(file, ['[Container]', ...container, ''].join('\n'));
    relabel();
    expect(systemctl('daemon-reload').status).toBe(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    systemctl('stop', this.socket, this.service);
    await rm(join(quadlets, `${this.unit}.container`), { force: true });
    await rm(join(quadlets, `${this.unit}.container.d`), { recursive: true, force: true });
    await rm(join(units, this.socket), { force: true });
    await rm(join(units, `${this.socket}.d`), { recursive: true, force: true });
    systemctl('daemon-reload');
    if (!lacksManager()) this.podman('rmi', '--force', this.image);
    if (!this.#wasListening) systemctl('stop', 'podman.socket', 'podman.service');
    await this.place[Symbol.asyncDispose]();
  }

  async #settle(more: readonly string[]): Promise<void> {
    const { root, stateDir } = this.place;
    const ours = async (name: string) => {
      const shipped = await readFile(`systemd/${name}`, 'utf8');
      return shipped
        .replaceAll('paddock.socket', this.socket)
        .replaceAll('%h/.local/state/paddock-server', stateDir)
        .replaceAll('%t/paddock-server', join(root, 'run'))
        .replaceAll('%h/.config/paddock-server', join(root, 'config'))
        .replace('ContainerName=paddock-server', `ContainerName=${this.unit}`)
        .replace(/^Image=.*$/m, `Image=${this.image}`);
    };
    await mkdir(join(root, 'config/paddock'), { recursive: true });
    const settings = '[policy]\ninit_report = true\nimages = ["localhost/*"]\n';
    await writeFile(join(root, 'config/paddock/config.toml'), settings, { mode: 0o600 });
    const dropIns = join(quadlets, `${this.unit}.container.d`);
    await mkdir(dropIns, { recursive: true });
    await writeFile(join(quadlets, `${this.unit}.container`), await ours('quadlet/paddock.container'));
    await writeFile(join(dropIns, '10-mine.conf'), ['[Container]', ...more, ''].join('\n'));
    await mkdir(units, { recursive: true });
    await writeFile(join(units, this.socket), await ours('paddock.socket'));
    relabel();
    expect(systemctl('daemon-reload').status).toBe(0);
  }
}

/** What the manager's user runs: its own storage, as the units have it, and not what a test was given. */
export function podmanOfUser(...args: readonly string[]): string {
  const env = { PATH: '/usr/bin:/bin', HOME: homedir(), XDG_RUNTIME_DIR: userRuntime };
  const { status, stdout, stderr } = spawnSync('podman', args, { encoding: 'utf8', env });
  expect([args, status, stderr]).toEqual([args, 0, expect.any(String)]);
  return stdout.trim();
}

/** What `paddock image build --target server` makes, without the build, by way of a file in `folder`. */
export function importServerImage(folder: string, image: string): void {
  const tar = join(folder, 'image.tar');
  const opt = ['--transform', 's,^,opt/paddock/,', 'dist', 'profiles', 'package.json'];
  for (const [command, ...args] of [
    ['scripts/server-base', tar, 'cat'],
    ['tar', '--append', '--owner=0', '--group=0', '-f', tar, ...opt],
  ] as const) {
    expect(spawnSync(command, args, { encoding: 'utf8' })).toMatchObject({ status: 0 });
  }
  const entry = 'ENTRYPOINT ["node","/opt/paddock/dist/cli/main.js"]';
  podmanOfUser('import', '--quiet', '--change', entry, '--change', 'ENV PATH=/usr/bin:/bin', tar, image);
}

/** systemd asks SELinux about a unit's file, which may not be just any of the user's. */
function relabel(): void {
  if (selinuxMode() !== undefined) outsideOf('/usr/sbin/restorecon', '-R', join(homedir(), '.config'));
}
