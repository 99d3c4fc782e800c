import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { McpClient } from '../e2e/support/client.js';
import { leftOvers } from '../e2e/support/left-overs.js';
import { finished, startPaddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';

describe('a podman server refuses by policy', () => {
  let place: Place;
  let mcp: McpClient;

  beforeAll(async () => {
    place = await Place.make('podman');
    await symlink('/etc', join(place.root, 'link-out'));
    mcp = await McpClient.start(place);
  });

  afterAll(async () => {
    await mcp[Symbol.asyncDispose]();
    expect(await leftOvers(place, ['podman'])).toEqual([]);
    await place[Symbol.asyncDispose]();
  });

  const dangerous: readonly [string, Record<string, unknown>][] = [
    ['privileged', { dockerOpts: { Privileged: true } }],
    ['added capabilities', { dockerOpts: { CapAdd: ['SYS_ADMIN'] } }],
    ['seccomp off', { dockerOpts: { SecurityOpt: ['seccomp=unconfined'] } }],
    ["the host's network", { dockerOpts: { NetworkMode: 'host' } }],
    ["the host's processes", { dockerOpts: { PidMode: 'host' } }],
    ['the engine socket', { dockerOpts: { Binds: ['/var/run/docker.sock:/s'] } }],
    ['a device', { dockerOpts: { Devices: [{ PathOnHost: '/dev/fuse' }] } }],
    ['a writable root', { dockerOpts: { ReadonlyRootfs: false } }],
    ['an option nobody knows', { dockerOpts: { Priviledged: true } }],
    ['more memory than there is', { memory: '4096t' }],
    ['the root as a project', { projectPath: '/' }],
    ['the home as a project', { projectPath: homedir() }],
    ['keys as a project', { projectPath: join(homedir(), '.ssh') }],
    ['a system folder as a project', { projectPath: '/etc' }],
    ['an image that is not allowed', { image: 'docker.io/library/alpine:3', workspace: 'none' }],
    ['an open network', { network: 'open', workspace: 'none' }],
  ];

  it.each(dangerous)('%s, with the rule in the text and in the log', async (_what, args) => {
    const answer = await mcp.call('create_session', args);
    expect([answer.isError, answer.code]).toEqual([true, 'POLICY_DENIED']);
    expect(answer.ruleId).toMatch(/^[a-z-]+(\.[a-z-]+)+$/);
    expect(answer.text).toContain(`[rule ${answer.ruleId}]`);
    const lines = (await place.audit()).filter((line) => line.action === 'tool.refused');
    expect(lines.at(-1)?.rule).toBe(answer.ruleId);
    expect(await place.recordFiles()).toEqual([]);
  });

  it('a project that is missing, or reached through a link out of the allowed folders', async () => {
    for (const name of ['missing', 'link-out']) {
      const answer = await mcp.call('create_session', { projectPath: join(place.root, name) });
      expect([name, answer.code]).toEqual([name, 'POLICY_DENIED']);
    }
  });

  it("takes the security guide's example as it is written", async () => {
    const dockerOpts = {
      SecurityOpt: ['no-new-privileges'],
      CapDrop: ['ALL'],
      ReadonlyRootfs: true,
      Memory: '2g',
      CpuQuota: 50000,
    };
    const answer = await mcp.call('create_session', { projectPath: place.project, dockerOpts });
    expect(answer.structured['limits']).toMatchObject({ memoryBytes: 2 * 1024 ** 3, cpuMillis: 500 });
    await mcp.call('destroy_session', { sessionId: answer.structured['sessionId'] });
  });
});

describe('a podman server with a limit of two sessions', () => {
  it('refuses the third, also when all are asked for at once, and takes it when one has gone', async () => {
    await using place = await Place.make('podman');
    await using mcp = await McpClient.start(place, { PADDOCK_MAX_SESSIONS: '2' });
    const answers = await Promise.all([1, 2, 3].map(() => mcp.call('create_session', { workspace: 'none' })));
    const [refused, ...others] = answers.filter((answer) => answer.isError).map((answer) => answer.text);
    expect(refused).toContain('LIMIT_REACHED');
    expect(others).toEqual([]);
    const first = answers.find((answer) => !answer.isError);
    await mcp.call('destroy_session', { sessionId: first?.structured['sessionId'] });
    expect((await mcp.call('create_session', { workspace: 'none' })).isError).toBe(false);
  });
});

describe('a server whose audit log can not be written', () => {
  it('does not start when the log is a folder, a link, or in a folder it may not write', async () => {
    await using place = await Place.make('podman');
    await mkdir(join(place.root, 'folder'));
    await symlink(join(place.root, 'elsewhere'), join(place.root, 'link'));
    await mkdir(join(place.root, 'closed'), { mode: 0o500 });
    for (const name of ['folder', 'link', 'closed/audit.jsonl']) {
      const child = startPaddock(place, ['serve'], { env: { MCP_AUDIT_LOG: join(place.root, name) } });
      const end = await finished(child);
      expect([name, end.status]).toEqual([name, 8]);
      expect(end.stderr).toContain('AUDIT_UNWRITABLE');
      expect(end.stdout.toString()).toBe('');
    }
  });

  it('refuses every action once the log has been replaced, and does nothing of it', async () => {
    await using place = await Place.make('podman');
    await using mcp = await McpClient.start(place);
    const sessionId = await mcp.create({ projectPath: place.project, workspace: 'rw' });
    await rm(place.auditLog);
    await mkdir(place.auditLog);
    const run = await mcp.call('execute_command', { sessionId, argv: ['touch', '/workspace/done'] });
    expect(run.code).toMatch(/^AUDIT_/);
    expect((await mcp.call('create_session', { workspace: 'none' })).code).toMatch(/^AUDIT_/);
    await expect(writeFile(join(place.project, 'done'), '', { flag: 'wx' })).resolves.toBeUndefined();
    await chmod(place.auditLog, 0o700);
    await rm(place.auditLog, { recursive: true });
  });
});
