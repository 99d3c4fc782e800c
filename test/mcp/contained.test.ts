import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { selfSigned } from '../../scripts/lab/self-signed.js';
import { labels } from '../../src/core/labels.js';
import { modelStandIn } from '../e2e/support/agents/stand-in.js';
import { Composed } from '../e2e/support/composed.js';
import { type ContainedClient, ContainedPlace, statusOf } from '../e2e/support/contained.js';
import { leftOvers } from '../e2e/support/left-overs.js';
import { type Outside, openOutside } from '../e2e/support/outside.js';
import { document, paddock } from '../e2e/support/paddock.js';
import { engineKinds, openTestEngine, uniqueName } from '../engine/support/engines.js';

const besidePort = 8099;
/** On the loopback of the server's own container. */
const besideRule = `http://127.0.0.1:${besidePort}`;
/** Nobody is asked for it. */
const farRule = 'https://far.example';
/** Likewise, and asked by the broker. */
const modelPort = 8098;
const modelKey = 'sk-ant-REAL-9k8j7h6g';
const mainInside = '/opt/paddock/dist/cli/main.js';
const noneSet = '0000000000000000';

/** A line of shell that prints the status of a page and the beginning of its text, by the proxy inside. */
const fetchingByNode = (url: string) =>
  `node -e 'require("http").get({ port: 61128, host: "127.0.0.1", path: "${url}" }, (r) => r.once("data", (d) => console.log(r.statusCode, String(d).slice(0, 60))))'`;

describe.each(engineKinds)('a server in a container of a rootless %s', (kind) => {
  const name = uniqueName('paddock-server');
  let contained: ContainedPlace;
  let mcp: ContainedClient;

  let outside: Outside;

  beforeAll(async () => {
    outside = await openOutside();
    contained = await ContainedPlace.make(kind, [besideRule, outside.rule, farRule]);
    mcp = await contained.stdio(name);
  });
  afterAll(async () => {
    // With a name given to -t the tests that end the first server may not have run.
    await mcp[Symbol.asyncDispose]();
    const left = async () => expect(await leftOvers(contained.place, [kind])).toEqual([]);
    await vi.waitFor(left, { timeout: 60_000, interval: 200 });
    await contained[Symbol.asyncDispose]();
    await outside[Symbol.asyncDispose]();
  });

  it('is its user, without capabilities or new privileges, on a read-only root, and has of the host what it was given', async () => {
    await using engine = await openTestEngine(kind);
    const { pid } = await engine.inspectContainer(name);
    const uid = process.getuid?.();
    const status = await statusOf(pid);
    expect(status).toMatchObject({ Uid: Array(4).fill(uid).join('\t'), NoNewPrivs: '1', Seccomp: '2' });
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) expect(status[set]).toMatch(/^0+$/);
    const mounts = (await readFile(`/proc/${pid}/mountinfo`, 'utf8')).split('\n').map((line) => line.split(' '));
    expect(mounts.find((fields) => fields[4] === '/')?.[5]).toMatch(/^ro\b/);
    const { root } = contained.place;
    const ours = mounts.map((fields) => fields[4] ?? '').filter((at) => at.startsWith(root));
    expect(ours.toSorted()).toEqual([root, join(root, 'moved')]);
    expect((await readFile(`/proc/${pid}/net/dev`, 'utf8')).trim().split('\n')).toHaveLength(3);
  });

  it('makes a sandbox, proves it by what process 1 says, and lets what was changed be reviewed', async () => {
    const { project } = contained.place;
    const made = await mcp.call('create_session', { projectPath: project, image: contained.image });
    expect(made.text).not.toContain('SANDBOX_UNVERIFIED');
    const { sessionId } = made.structured as { sessionId: string };
    const { structured } = await mcp.call('get_session', { sessionId });
    const rows = (structured['enforcement'] as { controls: { id: string; kernel: string; status: string }[] }).controls;
    const floor = ['rootless', 'user', 'capabilities', 'seccomp', 'mounts', 'namespaces', 'network', 'deadline'];
    for (const id of floor) {
      const kernel = expect.stringMatching(/^process 1 says: /) as unknown;
      expect(rows).toContainEqual(expect.objectContaining({ id, kernel, status: 'enforced' }));
    }
    expect(rows.find(({ id }) => id === 'user-namespace')?.status).toBe(kind === 'podman' ? 'unknown' : 'degraded');
    const ran = await mcp.call('execute_command', { sessionId, command: 'echo more >>hello.txt; cat hello.txt' });
    expect(ran.structured).toMatchObject({ exitCode: 0, stdout: 'hello\nmore\n' });
    const reviewed = await mcp.call('review_changes', { sessionId });
    expect(reviewed.structured).toMatchObject({ summary: { counts: { total: 1, modified: 1 } } });
    expect(await readFile(join(project, 'hello.txt'), 'utf8')).toBe('hello\n');
    await mcp.call('discard_changes', { sessionId });
    expect((await mcp.call('destroy_session', { sessionId })).isError).toBe(false);
  });

  it('has the commands of its operator, in its container and on the host with its folders, each where it is said to be', async () => {
    const { place, image } = contained;
    const made = await mcp.call('create_session', { projectPath: place.project, image });
    const { sessionId } = made.structured as { sessionId: string };
    await mcp.call('execute_command', { sessionId, command: 'for f in one two three; do echo $f >$f.txt; done' });
    const inside = (...words: readonly string[]) =>
      contained.engineSays('exec', name, 'node', mainInside, ...words).catch((e: unknown) => String(Object(e).stdout));
    const onHost = async (...words: readonly string[]) =>
      (await paddock(place, words, { env: contained.env })).stdout.toString();
    const onHostAre = async () => (JSON.parse(await onHost('ps', '--json')) as Record<string, unknown>)['sessions'];
    const listed = (state: string) => [expect.objectContaining({ sessionId, state }) as unknown];
    expect(JSON.parse(await inside('ps', '--json'))).toMatchObject({ sessions: listed('running') });
    expect(await onHostAre()).toEqual(listed('running'));
    expect(await inside('apply', sessionId, 'one.txt')).toContain('one.txt');
    expect(await onHost('apply', sessionId, 'two.txt')).toContain('two.txt');
    for (const file of ['one', 'two'])
      expect(await readFile(join(place.project, `${file}.txt`), 'utf8')).toBe(`${file}\n`);
    expect(await onHost('discard', sessionId, 'three.txt')).toContain('discarded three.txt');
    expect(await inside('changes', sessionId)).toContain('no changes');
    expect(await inside('rm', sessionId)).toContain('SESSION_NOT_YOURS');
    expect(await onHost('rm', sessionId)).toContain('STATE_IN_USE');
    expect(await onHost('update', sessionId, '--ends-in', '1s')).toContain('deadline is enforced');
    await expect.poll(onHostAre, { timeout: 60_000 }).toEqual(listed('ended'));
    await mcp.call('destroy_session', { sessionId });
  });

  it('has an agent run to its end beside it, whose broker dials from its network with a key that no sandbox has', async () => {
    const { place, image } = contained;
    await contained.beside(name, ['node', '-e', modelStandIn(modelPort, modelKey)], 'up');
    const env = [`ANTHROPIC_API_KEY=${modelKey}`, `ANTHROPIC_BASE_URL=http://127.0.0.1:${modelPort}`];
    const agent = ['agent', '--image', image, '--project', place.project, '--json', '--', 'add', 'a file'];
    const given = env.flatMap((one) => ['-e', one]);
    const said = await contained.engineSays('exec', ...given, name, 'node', mainInside, ...agent);
    const done = JSON.parse(said) as { readonly sessionId: string };
    expect(done).toMatchObject({ agent: 'claude', ok: true, finalText: 'asked add a file' });
    const shown = await contained.engineSays('exec', name, 'node', mainInside, 'changes', done.sessionId);
    expect(shown).toContain('A new.txt');
    await contained.engineSays('exec', name, 'node', mainInside, 'discard', done.sessionId);
  });

  it('refuses a folder that is somewhere else for the engine, and the programs of a host that it does not see', async () => {
    const { root, project } = contained.place;
    const moved = await mcp.call('create_session', { projectPath: join(root, 'moved'), image: contained.image });
    expect([moved.code, moved.text]).toEqual(['PATH_NOT_ON_HOST', expect.stringContaining(join(root, 'moved'))]);
    expect((await mcp.call('create_session', { projectPath: project })).code).toBe('IMAGE_REFUSED');
  });

  it('refuses a session that is to reach what it has no network for, and no other', async () => {
    const { image } = contained;
    const far = await mcp.call('create_session', { workspace: 'none', image, allow: [besideRule, farRule] });
    expect([far.code, far.text]).toEqual(['NETWORK_MISSING', expect.stringContaining('--network none')]);
    const near = await mcp.call('create_session', { workspace: 'none', image, allow: [besideRule] });
    expect(near.isError).toBe(false);
    await mcp.call('destroy_session', { sessionId: near.structured['sessionId'] });
  });

  it('has its folder for itself: Paddock on the host is refused while it lives', async () => {
    const pruned = await paddock(contained.place, ['prune'], { env: contained.env });
    expect([pruned.status, pruned.stderr]).toEqual([5, expect.stringContaining('STATE_IN_USE')]);
  });

  it('checks the host as far as it is to be seen from there, with a canary of its own image', async () => {
    const { structured } = await mcp.call('check_host');
    const checks = (structured as { checks: { id: string; status: string }[] }).checks;
    const of = (...ids: readonly string[]) => ids.map((id) => checks.find((check) => check.id === id)?.status);
    expect(of('canary', 'canary.capabilities', 'canary.network', 'runtime-folder', 'settings-files')).toEqual(
      Array(5).fill('pass'),
    );
    expect(of('subids', 'socket', 'selinux-profile')).toEqual(Array(3).fill('unknown'));
  });

  it('leaves nothing when it is killed, once another has its folder, which holders of keys reach by a socket', async () => {
    const { place, image } = contained;
    const made = await mcp.call('create_session', { projectPath: place.project, image });
    const { sessionId } = made.structured as { sessionId: string };
    await using engine = await openTestEngine(kind);
    // Of a second process beside it, which nobody else can see.
    const words = ['node', mainInside, 'run', '--image', image, '--', 'sleep', '600'];
    const beside = contained.engineSays('exec', name, ...words).catch(() => undefined);
    const madeBeside = async () => {
      const others = (await place.recordFiles()).filter(
        (file) => file.endsWith('.json') && !file.startsWith(sessionId),
      );
      for (const file of others) {
        const text = await readFile(join(place.stateDir, 'sessions', file), 'utf8').catch(() => '{}');
        const { id, container } = JSON.parse(text) as { id?: string; container?: unknown };
        // One that is cut off while it is made is looked for during minutes.
        if (container !== undefined) return id;
      }
      return undefined;
    };
    await expect.poll(madeBeside, { timeout: 60_000 }).toBeDefined();
    const besideId = await madeBeside();
    await engine.killContainer(name, 'SIGKILL');
    await Promise.all([mcp[Symbol.asyncDispose](), beside]);
    for (const id of [sessionId, besideId])
      while ((await engine.listContainers([`${labels.session}=${id}`])).length > 0) await sleep(50);

    const options = ['--root', place.project, '--json'];
    const key = document(await paddock(place, ['keys', 'create', 'ada', ...options], { env: contained.env }));
    const [second, socket] = [uniqueName('paddock-server'), join(place.root, 'mcp.sock')];
    const { ended } = await contained.listen(second, ['--http', `unix:${socket}`]);
    const ada = await contained.http(
      'http://localhost/mcp',
      { connect: { socketPath: socket } },
      String(key['secret']),
    );
    const other = await ada.call('create_session', { projectPath: place.project, image });
    const ran = await ada.call('execute_command', {
      sessionId: other.structured['sessionId'],
      command: 'cat hello.txt',
    });
    expect(ran.structured).toMatchObject({ exitCode: 0, stdout: 'hello\n' });
    const areLeft = async () =>
      (await place.recordFiles()).some((file) => [sessionId, String(besideId)].some((id) => file.startsWith(id)));
    while (await areLeft()) await sleep(50);
    await ada[Symbol.asyncDispose]();
    await engine.killContainer(second, 'SIGTERM');
    await ended;
    expect(await place.recordFiles()).toEqual([]);
  });

  describe('once the first has ended', () => {
    beforeAll(async () => {
      await using engine = await openTestEngine(kind);
      await engine.killContainer(name, 'SIGKILL').catch(() => undefined);
      await mcp[Symbol.asyncDispose]();
    });

    it('is reached by TLS on a published port, and dials for sessions from its own network, not from that of the host', async () => {
      const { place, image } = contained;
      const third = uniqueName('paddock-server');
      const { cert } = selfSigned(place.root);
      const tls = ['--tls-cert', join(place.root, 'cert.pem'), '--tls-key', join(place.root, 'key.pem')];
      const port = ['--publish', '127.0.0.1::8484'];
      const server = await contained.listen(
        third,
        ['--http', '0.0.0.0:8484', ...tls, '--host-name', 'localhost'],
        port,
      );
      const beside = `require('http').createServer((_, r) => r.end('beside')).listen(${besidePort}, '127.0.0.1', () => console.log('up'))`;
      await contained.beside(third, ['node', '-e', beside], 'up');
      const [published = ''] = (await contained.engineSays('port', third, '8484/tcp')).split('\n');
      const key = document(
        await paddock(place, ['keys', 'create', 'eve', '--allow', besideRule, '--allow', outside.rule, '--json'], {
          env: contained.env,
        }),
      );
      const at = published.replace('127.0.0.1', 'https://localhost');
      const eve = await contained.http(`${at}/mcp`, { connect: { ca: cert } }, String(key['secret']));
      const allow = [besideRule, outside.rule];
      const made = await eve.call('create_session', { workspace: 'none', image, allow });
      const { sessionId } = made.structured;
      const got = async (url: string) =>
        (await eve.call('execute_command', { sessionId, command: fetchingByNode(url) })).structured['stdout'];
      expect(await got(`${besideRule}/`)).toBe('200 beside\n');
      expect(await got(outside.url)).toMatch(/^502 /);
      await eve.call('destroy_session', { sessionId });
      await eve[Symbol.asyncDispose]();
      await contained.engineSays('kill', '--signal', 'TERM', third);
      await server.ended;
    });

    it('is started by compose.yaml on a network that leads nowhere, for who is beside it there, and leaves nothing', async () => {
      const { place, image } = contained;
      await using composed = new Composed(contained, uniqueName('paddock'));
      await composed.up();
      const status = await statusOf(await composed.pid());
      expect(status).toMatchObject({
        Uid: Array(4).fill(process.getuid?.()).join('\t'),
        NoNewPrivs: '1',
        Seccomp: '2',
      });
      expect([status['CapPrm'], status['CapBnd']]).toEqual([noneSet, noneSet]);
      // Docker gives a route that its packet filter goes before.
      expect(await composed.ways()).toEqual({ isInternal: 'true', published: '', isRouted: kind === 'docker' });
      const keys = ['keys', 'create', 'front', '--root', place.project];
      const [secret = ''] = (
        await contained.engineSays('exec', await composed.id(), 'node', mainInside, ...keys)
      ).split('\n');
      const ran = await composed.fromBeside(secret, { projectPath: place.project, image }, 'cat hello.txt');
      expect(ran).toMatchObject({ exitCode: 0, stdout: 'hello\n' });
      await composed.down();
      expect(await composed.left()).toEqual([]);
    });
  });
});
