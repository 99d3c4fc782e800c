import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Broker } from '../../../../src/egress/broker/broker.js';
import { type GitHost, gitRoute } from '../../../../src/egress/broker/routes/git.js';
import { Secret } from '../../../../src/kit/secret.js';
import { withGitSettings } from '../../../../src/policy/broker/git-hosts.js';
import { gitBackend } from './support/git-backend.js';
import { ask } from './support/inside.js';
import { opened } from './support/open.js';
import { temporaryFolder } from './support/temporary-folder.js';

const token = 'ghp-canary-0123456789abcdefghij';
const run = promisify(execFile);

function host(upstream: URL, extra: Partial<GitHost> = {}): GitHost {
  return { host: 'code.test', token: new Secret(token), repositories: ['team/tool'], upstream, ...extra };
}

/** A port on loopback that stands for the one inside. */
async function listening(broker: Broker): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer({ allowHalfOpen: true }, (socket: Duplex) => broker.accept(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
}

function gitEnvironment(home: string, port: number) {
  const own = { PATH: process.env['PATH'] ?? '', HOME: home, GIT_CONFIG_NOSYSTEM: '1' };
  return withGitSettings(own, { 'code.test': `http://127.0.0.1:${port}/git/code.test` });
}

describe('git through the broker', () => {
  it('clones and fetches with the token that only the broker has, and is told why it can not push', async () => {
    await using temporary = await temporaryFolder();
    const folder = temporary.path;
    const backend = await gitBackend(
      folder,
      'team/tool',
      `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`,
    );
    await using all = await opened(backend.answer, {}, (upstream) => [gitRoute(host(upstream))]);
    await using inside = await listening(all.broker);
    const env = gitEnvironment(folder, inside.port);
    const git = (...args: string[]) => run('git', args, { env, cwd: folder });
    await git('clone', '-q', 'git@code.test:team/tool.git', 'clone');
    expect(await readFile(join(folder, 'clone/file'), 'utf8')).toBe('from outside\n');
    await writeFile(join(folder, 'clone/file'), 'from inside\n');
    const identity = ['-c', 'user.name=a', '-c', 'user.email=a@b.test'];
    await git('-C', 'clone', ...identity, 'commit', '-qam', 'change');
    const pushed = git('-C', 'clone', 'push', '-q', 'https://code.test/team/tool.git', 'HEAD');
    // By git itself, and by the rule and what to do, which git shows because it is plain text.
    await expect(pushed).rejects.toMatchObject({
      stderr: expect.stringMatching(/remote: .*broker\.push.*Next: .*403/s) as string,
    });
    expect(all.refusals).toMatchObject([{ ruleId: 'broker.push', route: 'git:code.test' }]);
    expect(await readFile(join(folder, 'clone/.git/config'), 'utf8')).not.toContain(token);
  });

  it('fetches submodules of the same host, by the same token', async () => {
    await using temporary = await temporaryFolder();
    const folder = temporary.path;
    const backend = await gitBackend(folder, 'team/tool');
    await using all = await opened(backend.answer, {}, (upstream) => [gitRoute(host(upstream))]);
    await using inside = await listening(all.broker);
    const env = gitEnvironment(folder, inside.port);
    const git = (...args: string[]) => run('git', args, { env, cwd: folder });
    await git('init', '-q', 'above');
    await git('-C', 'above', 'submodule', '--quiet', 'add', 'https://code.test/team/tool.git', 'below');
    expect(await readFile(join(folder, 'above/below/file'), 'utf8')).toBe('from outside\n');
    // What is written down is the host, not the broker: it works outside as well.
    expect(await readFile(join(folder, 'above/.gitmodules'), 'utf8')).toContain(
      'url = https://code.test/team/tool.git',
    );
    await git('-C', 'above', 'submodule', '--quiet', 'deinit', '-f', 'below');
    await git('-C', 'above', 'submodule', '--quiet', 'update', '--init', '--remote');
    expect(await readFile(join(folder, 'above/below/file'), 'utf8')).toBe('from outside\n');
    expect(all.refusals).toEqual([]);
  });

  it('pushes where the rule says so, also what is large', async () => {
    await using temporary = await temporaryFolder();
    const folder = temporary.path;
    const backend = await gitBackend(folder, 'team/tool');
    const rule = (upstream: URL) => [gitRoute(host(upstream, { push: true, repositories: ['team/*'] }))];
    await using all = await opened(backend.answer, {}, rule);
    await using inside = await listening(all.broker);
    const env = gitEnvironment(folder, inside.port);
    const git = (...args: string[]) => run('git', args, { env, cwd: folder });
    await git('clone', '-q', 'https://code.test/team/tool', 'clone');
    // More than git sends with a length: it goes in chunks.
    const noise = Buffer.from(Array.from({ length: 1_500_000 }, (_, index) => (index * 2_654_435_761) >>> 13));
    await writeFile(join(folder, 'clone/file'), noise);
    const identity = ['-c', 'user.name=a', '-c', 'user.email=a@b.test'];
    await git('-C', 'clone', ...identity, '-c', 'core.compression=0', 'commit', '-qam', 'change');
    await git('-C', 'clone', '-c', 'core.compression=0', 'push', '-q', 'origin', 'HEAD:refs/heads/new');
    const { stdout } = await run('git', ['-C', backend.repository, 'rev-parse', 'refs/heads/new'], { env });
    const { stdout: own } = await git('-C', 'clone', 'rev-parse', 'HEAD');
    expect(stdout).toBe(own);
  });

  it.each([
    ['another repository', '/team/other/info/refs?service=git-upload-pack', 'broker.repository'],
    ['another owner', '/elsewhere/tool/info/refs?service=git-upload-pack', 'broker.repository'],
    ['pushing to another repository', '/team/other/info/refs?service=git-receive-pack', 'broker.repository'],
    ['a name that only begins alike', '/team/toolbox/info/refs?service=git-upload-pack', 'broker.repository'],
    ['a dot that is any character', '/team/tool_git/info/refs?service=git-upload-pack', 'broker.repository'],
    ['no service', '/team/tool/info/refs', 'broker.query'],
    ['another service', '/team/tool/info/refs?service=git-upload-archive', 'broker.query'],
    ['the dumb protocol', '/team/tool/HEAD', 'broker.path'],
    ['the API of the host', '/api/v3/user', 'broker.path'],
    ['large files, which lead elsewhere', '/team/tool/info/lfs/objects/batch', 'broker.path'],
    ['a repository in a repository', '/team/tool/x/info/refs?service=git-upload-pack', 'broker.repository'],
    ['a way up', '/team/tool%2F..%2Fother/info/refs?service=git-upload-pack', 'broker.request'],
    ['an encoded slash', '/team%2Ftool/info/refs?service=git-upload-pack', 'broker.path'],
  ])('refuses %s in plain text', async (_what, path, ruleId) => {
    await using all = await opened(
      (_request, response) => void response.end(),
      {},
      (upstream) => [gitRoute(host(upstream))],
    );
    const answer = await ask(all.broker, { path: `/git/code.test${path}` });
    expect(answer.headers['x-paddock-rule']).toBe(ruleId);
    if (ruleId !== 'broker.request') expect(answer.headers['content-type']).toMatch(/^text\/plain/);
    expect(all.provider.seen).toEqual([]);
  });

  it.each([
    ['group/**', ['/group/a', '/group/b/c.git'], ['/group', '/other/a', '/groups/a']],
    ['*/tool', ['/a/tool', '/b/tool.git'], ['/a/tools', '/a/b/tool']],
    ['**', ['/a', '/a/b/c/d/e/f/g/h'], []],
  ])('lets %s mean what it says', async (pattern, within, without) => {
    await using all = await opened(
      (_request, response) => void response.end(),
      {},
      (upstream) => [gitRoute(host(upstream, { repositories: [pattern] }))],
    );
    const statusOf = async (path: string) =>
      (await ask(all.broker, { path: `/git/code.test${path}/info/refs?service=git-upload-pack` })).status;
    expect(await Promise.all(within.map(statusOf))).toEqual(within.map(() => 200));
    expect(await Promise.all(without.map(statusOf))).toEqual(without.map(() => 403));
  });

  it('refuses a redirect with a word on where it may lead, and never follows it', async () => {
    await using all = await opened(
      (_request, response) => void response.writeHead(301, { location: `https://elsewhere.test/${token}` }).end(token),
      {},
      (upstream) => [gitRoute(host(upstream))],
    );
    const answer = await ask(all.broker, { path: '/git/code.test/team/tool/info/refs?service=git-upload-pack' });
    expect(answer).toMatchObject({ status: 502, headers: { 'x-paddock-rule': 'broker.redirect' } });
    expect(answer.headers.location).toBeUndefined();
    expect(answer.text).not.toContain(token);
    expect(answer.text).toContain('.git');
  });

  it('takes no odd hosts, users or patterns', () => {
    const upstream = new URL('http://127.0.0.1/');
    for (const extra of [
      { host: 'Code.test' },
      { host: 'a/b' },
      { host: '..' },
      { user: 'a:b' },
      { repositories: ['../x'] },
      { host: 'code.test:99999' },
      { repositories: ['a//b'] },
      { repositories: ['a/**/b'] },
      { repositories: ['(a|b)/c'] },
    ]) {
      expect(() => gitRoute(host(upstream, extra))).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }) as Error);
    }
  });
});
