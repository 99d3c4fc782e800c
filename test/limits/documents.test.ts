import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeyClient } from '../e2e/support/http-server.js';
import { importServerImage, podmanOfUser } from './support/quadlet.js';
import { Desk } from './support/typed.js';
import { askWithoutKey, mcpSocket, property, stateOf, systemctl } from './support/user-manager.js';

// Only where the machine is the test's own: units get the names that they have in earnest.
const isRequired = process.env['PADDOCK_TEST_REQUIRE']?.split(',').includes('systemd') === true;
const patience = { timeout: 90_000, interval: 200 };
const operations = 'docs/operations.md';
const image = 'localhost/paddock/server:0.1.0';
const units = join(homedir(), '.config/systemd/user');
/** What is made in the home of whoever types it. */
const made = [
  ...['.config/containers/systemd', '.config/paddock-server', '.config/paddock', 'projects', 'metrics'],
  ...['.local/state/paddock', '.local/state/paddock-server'],
].map((name) => join(homedir(), name));

describe.runIf(isRequired)(
  'what the documents have an operator type, in a fresh systemd user manager (systemd)',
  () => {
    let root: string;
    let desk: Desk;

    beforeAll(async () => {
      root = await mkdtemp(join(tmpdir(), 'paddock-documents-'));
      desk = new Desk(root);
    });
    afterAll(async () => {
      const all = ['paddock.socket', 'paddock.service', 'paddock-audit-verify.timer', 'paddock-prune.timer'];
      systemctl('stop', ...all);
      systemctl('disable', ...all, 'paddock-audit-verify.service', 'paddock-prune.service');
      for (const path of [...made, join(units, 'paddock.socket'), root])
        await rm(path, { recursive: true, force: true });
      for (const unit of ['paddock', 'paddock-audit-verify', 'paddock-prune'])
        await rm(join(units, `${unit}.service.d`), { recursive: true, force: true });
      systemctl('daemon-reload');
    });

    /** What `systemctl --user edit` writes. */
    async function edit(service: string, lines: readonly string[]): Promise<void> {
      await mkdir(join(units, `${service}.d`), { recursive: true });
      await appendFile(join(units, `${service}.d/override.conf`), ['[Service]', ...lines, ''].join('\n'));
      expect(systemctl('daemon-reload').status).toBe(0);
    }

    /** Where `paddock` is not to be found otherwise. */
    const givePath = (service: string) => edit(service, [`Environment=PATH=${desk.bin}:/usr/bin:/bin`]);

    /** Settings that a document has, word by word. */
    async function stand(document: string, ...words: readonly string[]): Promise<void> {
      const text = await readFile(document, 'utf8');
      for (const word of words) expect(text).toContain(word);
    }

    async function ended(): Promise<void> {
      desk.typeFrom(operations, 'systemctl --user stop paddock.socket');
      await expect.poll(() => stateOf('paddock.service'), patience).toBe('inactive success');
    }

    it('makes a user whose server answers, where root types it on a system that has not seen Paddock', async () => {
      // scripts/lab/documented-host, before the tests.
      const log = await readFile(join(homedir(), 'documented-host.log'), 'utf8');
      expect(log.match(/^!! .*$/gm)).toBeNull();
      for (const line of ['useradd --create-home', 'as_paddock paddock doctor', 'answered 401', 'lingers: yes']) {
        expect(log).toContain(line);
      }
      expect(log).toMatch(/paddock\[\d+\]: .*listening[\s\S]*nothing of it is left\n$/);
    });

    it('starts the server for who connects, shows what it says, and ends it', async () => {
      await givePath('paddock.service');
      desk.typeBlock(operations, '--now "$units/paddock.socket"\nsudo');
      expect(await askWithoutKey()).toBe(401);
      expect(stateOf('paddock.service')).toBe('active success');
      const said = () => desk.typeFrom(operations, 'journalctl --user-unit paddock');
      await expect.poll(said, patience).toMatch(/paddock\[\d+\]: .*listening/);
      await ended();
      expect(desk.askedOfRoot).toEqual(['loginctl enable-linger lab']);
    });

    it('gives the server keys of providers and the one for what is kept as credentials', async () => {
      const [providers, kept] = ['providers:%h/.config/paddock/providers', 'paddock-kept:%h/.config/paddock/kept.key'];
      const lines = [
        `LoadCredential=${providers}`,
        'Environment=PADDOCK_KEY_FILE=%d/providers',
        `LoadCredential=${kept}`,
      ];
      await stand(operations, ...lines, 'credential = "paddock-kept"');
      desk.typeBlock('docs/encryption.md', 'encryption keygen');
      const settings = join(homedir(), '.config/paddock');
      await writeFile(join(settings, 'providers'), 'ANTHROPIC_API_KEY=key-of-a-test\n', { mode: 0o600 });
      const encryption = '[encryption]\nkept = true\ncredential = "paddock-kept"\n';
      await writeFile(join(settings, 'config.toml'), encryption, { mode: 0o600 });
      await edit('paddock.service', lines);
      await mkdir(join(homedir(), 'projects'), { recursive: true });
      const create = 'paddock keys create mine --root ~/projects --provider anthropic';
      const [secret = ''] = desk.type(create).split('\n');
      expect(systemctl('start', 'paddock.socket').status).toBe(0);
      const client = await new KeyClient(secret).connect({ socketPath: mcpSocket });
      const asked = { projectPath: join(homedir(), 'projects'), workspace: 'cow', providers: ['anthropic'] };
      const session = await client.call('create_session', asked);
      expect([session.isError, session.text]).toEqual([false, expect.any(String)]);
      await client[Symbol.asyncDispose]();
      await ended();
    });

    it('makes, shows, changes and ends a key', () => {
      const said = desk.typeBlock(operations, 'paddock keys rotate', { '/srv/projects/ci': '~/projects' });
      expect(said).toMatch(/^pdkey_\S+\n[\s\S]*^NAME [\s\S]*^ci +\S+ +good [\s\S]*^pdkey_\S+\n[\s\S]*^ci revoked/m);
    });

    it('sets the timers, of which one says at once that the log verifies', async () => {
      for (const name of ['paddock-audit-verify.service', 'paddock-prune.service']) await givePath(name);
      const block = desk.typeBlock(operations, 'paddock-audit-verify.timer');
      expect(block).toMatch(/paddock\[\d+\]: the audit log verifies/);
      desk.typeBlock('docs/doctor.md', 'paddock-prune.timer');
      for (const timer of ['paddock-audit-verify.timer', 'paddock-prune.timer'])
        expect([property(timer, 'ActiveState'), property(timer, 'UnitFileState')]).toEqual(['active', 'enabled']);
    });

    it('runs the server in a container by Quadlet, with metrics for node_exporter', async () => {
      systemctl('disable', 'paddock.socket', 'paddock.service');
      await rm(join(units, 'paddock.service.d'), { recursive: true });
      importServerImage(root, image);
      desk.typeBlock('docs/container.md', 'quadlet/paddock.container"');
      expect(await askWithoutKey()).toBe(401);
      const said = () => desk.typeFrom('docs/container.md', 'journalctl --user-unit paddock');
      await expect.poll(said, patience).toMatch(/paddock-server\[\d+\]: .*listening/);
      desk.typeBlock('docs/container.md', '20-metrics.conf');
      expect(await askWithoutKey()).toBe(401);
      const written = () => readFile(join(homedir(), 'metrics/paddock.prom'), 'utf8').catch(() => '');
      await expect.poll(written, patience).toContain('paddock_');
      await ended();
      podmanOfUser('rmi', '--force', image);
    });
  },
);
