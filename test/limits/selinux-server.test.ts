import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { serverType } from '../../src/confine/selinux.js';
import { KeyClient, paddock } from '../e2e/support/http-server.js';
import { engineKinds } from '../engine/support/engines.js';
import { Box } from './support/quadlet.js';
import { isHere, need } from './support/selinux.js';
import { lacksManager, mcpSocket, stateOf, systemctl } from './support/user-manager.js';

const patience = { timeout: 90_000, interval: 200 };
const isUsable = isHere && !lacksManager();

function ready(context: TestContext): void {
  need(context);
  context.skip(!isUsable, 'there is no systemd user manager here');
}

describe.each(engineKinds.filter((kind) => kind === 'podman'))(
  'a contained server where selinux enforces, on %s',
  (kind) => {
    let box: Box;
    let client: KeyClient;
    beforeAll(async () => {
      if (!isUsable) return;
      // A project that containers may use, and a folder of which nobody has said so.
      box = await Box.make(kind, ({ project, root }) => [
        `Volume=${project}:${project}:z`,
        `Volume=${root}/own:${root}/own`,
      ]);
      const { root, project } = box.place;
      await mkdir(join(root, 'own'));
      await writeFile(join(root, 'own/letter'), 'private\n');
      const secret = String((await paddock(box.place, 'keys', 'create', 'ci', '--root', project))['secret']);
      expect(systemctl('start', box.socket)).toMatchObject({ status: 0, stderr: '' });
      client = await new KeyClient(secret).connect({ socketPath: mcpSocket });
    }, 240_000);
    afterAll(async () => {
      if (!isUsable) return;
      await client[Symbol.asyncDispose]();
      await box[Symbol.asyncDispose]();
    });

    /** The label of the first process of a container, as the host sees it. */
    const labelOf = (container: string) =>
      readFileSync(`/proc/${box.podman('inspect', '--format', '{{.State.Pid}}', container)}/attr/current`, 'utf8');

    /** What a shell beside the server says, under the same type. */
    const inside = (script: string) => box.podman('exec', box.unit, 'sh', '-c', `{ ${script}; } 2>&1; true`);

    it('is under a type of its own that may use the engine, and makes sandboxes under theirs, which it can prove', async (context) => {
      ready(context);
      expect(labelOf(box.unit)).toMatch(new RegExp(`^system_u:system_r:${serverType}:s0:c\\d+,c\\d+`));
      const { project } = box.place;
      const made = await client.call('create_session', { projectPath: project, image: box.image });
      expect(made).toMatchObject({ isError: false });
      const { sessionId } = made.structured;
      const { structured } = await client.call('get_session', { sessionId });
      const { controls } = structured['enforcement'] as { controls: { id: string }[] };
      expect(controls.find(({ id }) => id === 'selinux')).toMatchObject({
        status: 'enforced',
        kernel: expect.stringMatching(/^process 1 says: system_u:system_r:paddock_sandbox\.process:s0:c\d+,c\d+$/),
      });
      const sandbox = box.podman('ps', '--quiet', '--filter', `label=dev.paddock.session=${String(sessionId)}`);
      expect(labelOf(sandbox)).toContain(':paddock_sandbox.process:');
      const ran = await client.call('execute_command', { sessionId, command: 'echo more >>hello.txt; cat hello.txt' });
      expect(ran.structured).toMatchObject({ exitCode: 0, stdout: 'hello\nmore\n' });
      const reviewed = await client.call('review_changes', { sessionId });
      expect(reviewed.structured).toMatchObject({ summary: { counts: { total: 1, modified: 1 } } });
      expect(await readFile(join(project, 'hello.txt'), 'utf8')).toBe('hello\n');
      expect((await client.call('destroy_session', { sessionId })).isError).toBe(false);
    });

    it('neither reads nor writes what was mounted without a label for containers, and has no way to another label', (context) => {
      ready(context);
      const { root } = box.place;
      expect(inside(`cat ${root}/project/hello.txt; echo x >${root}/state/x && echo written`)).toBe('hello\nwritten');
      expect(inside(`cat ${root}/own/letter`)).toMatch(/Permission denied/);
      expect(inside(`echo x >${root}/own/new && echo written`)).toMatch(/Permission denied|cannot create/);
      const label = 'unconfined_u:unconfined_r:unconfined_t:s0';
      expect(inside(`echo ${label} >/proc/self/attr/exec && echo written`)).toMatch(/error|denied/i);
    });

    it('has no TCP and no UDP, not on its own loopback either, where the site has not switched them on', (context) => {
      ready(context);
      const end = (word: string) => `() => { console.log(${word}); process.exit(); }`;
      const tcp = `require("net").createServer().on("error", (e) => console.log(e.code)).listen(0, "127.0.0.1", ${end('"tcp"')})`;
      const udp = `require("dgram").createSocket("udp4").on("error", (e) => console.log(e.code)).bind(0, "127.0.0.1", ${end('"udp"')})`;
      for (const program of [tcp, udp]) expect(inside(`node -e '${program}'`)).toBe('EACCES');
    });

    it('has settings that no container of other categories can read, as its keys may be among them', (context) => {
      ready(context);
      const label = execFileSync('stat', ['--format', '%C', join(box.place.root, 'config/paddock/config.toml')]);
      const categories = /c\d+,c\d+/.exec(labelOf(box.unit))?.[0] ?? 'none';
      expect(String(label).trim()).toBe(`system_u:object_r:container_file_t:s0:${categories}`);
      expect(inside(`cat ${box.place.root}/config/paddock/config.toml`)).toContain('init_report');
    });

    it('is heard over the pipes of its engine, as on stdio, ends with its socket, and leaves nothing', async (context) => {
      ready(context);
      const words = ['--security-opt', `label=type:${serverType}`, '--network', 'none', '--read-only'];
      expect(box.podman('run', '--rm', '-i', ...words, box.image, '--version')).toMatch(/^\d+\.\d+\.\d+/);
      systemctl('stop', '--no-block', box.socket);
      await expect.poll(() => stateOf(box.service), patience).toBe('inactive success');
      expect(await box.place.recordFiles()).toEqual([]);
      expect(box.podman('ps', '--all', '--quiet')).toBe('');
    });
  },
);
