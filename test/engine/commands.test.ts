import { createHash, randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toPaddockError } from '../../src/core/errors.js';
import type { Session } from '../../src/session/session.js';
import { commandWays } from './support/engines.js';
import { command, processesIn, run, Stage, said } from './support/stage.js';

const mib = 1024 ** 2;

describe.each(commandWays)('a command in a sandbox of a real rootless %s, over %s', (kind, commandPath) => {
  let stage: Stage;
  let session: Session;

  beforeAll(async () => {
    stage = await Stage.open(kind, { commandPath });
    session = await stage.create({ env: { OF_SESSION: 'one', OF_BOTH: 'session' } });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it.each([0, 1, 3, 126, 127, 137])('ends with its own exit code %i', async (code) => {
    expect(await run(session, `exit ${code}`)).toMatchObject({ exitCode: code, reason: 'exited', strays: 0 });
    expect(processesIn(session)).toEqual([]);
  });

  it('is 127 when there is no such program in the PATH of a shell, and 126 when it may not be run', async () => {
    expect(await run(session, 'paddock-no-such-program')).toMatchObject({ exitCode: 127, reason: 'exited' });
    expect(await run(session, '/usr/lib')).toMatchObject({ exitCode: 126, reason: 'exited' });
  });

  it('is 127 when argv names no program, and 126 when it names what is none, on every engine', async () => {
    const missing = await run(session, ['paddock-no-such-program']);
    expect(missing).toMatchObject({ exitCode: 127, reason: 'exited' });
    expect(await run(session, ['/usr/lib'])).toMatchObject({ exitCode: 126, reason: 'exited' });
  });

  it.each([
    ['KILL', 137],
    ['TERM', 143],
    ['INT', 130],
    ['SEGV', 139],
    ['HUP', 129],
  ])('killed by SIG%s is %i, and says so', async (signal, exitCode) => {
    const result = await run(session, `kill -${signal} $$`);
    expect(result).toMatchObject({ exitCode, signal: `SIG${signal}`, reason: 'exited' });
  });

  it('starts in the workdir of the session, or where it was told', async () => {
    expect(await said(session, 'pwd')).toBe('/home/agent');
    expect(await said(session, 'pwd', { cwd: '/usr/bin' })).toBe('/usr/bin');
    await said(session, 'mkdir -p /tmp/real/deep && ln -s real /tmp/link && ln -s /tmp/link/deep /tmp/far');
    expect(await said(session, 'pwd -P', { cwd: '/tmp/far/..' })).toBe('/tmp/real');
  });

  it.each([
    ['a folder that is missing', 'true', '/tmp/not-there'],
    ['a file', ': >/tmp/file', '/tmp/file'],
    ['/proc', 'true', '/proc/self/fd'],
    ['/sys', 'true', '/sys'],
    ['/dev', 'true', '/dev/shm'],
    ['a link to /proc', 'ln -s /proc/1 /tmp/to-proc', '/tmp/to-proc'],
    ['a way through a link to /proc', 'ln -s /proc /tmp/to-proc2', '/tmp/to-proc2/self/cwd'],
    ['a way round to /proc', 'mkdir -p /tmp/a', '/tmp/a/../../proc'],
    ['a loop of links', 'ln -s loop2 /tmp/loop1; ln -s loop1 /tmp/loop2', '/tmp/loop1'],
  ])('is not run in %s', async (_what, prepare, cwd) => {
    expect((await run(session, prepare)).exitCode).toBe(0);
    await expect(run(session, 'pwd', { cwd })).rejects.toMatchObject({ code: 'COMMAND_NOT_RUN' });
    expect(session.liveCommands).toBe(0);
    expect(await said(session, 'echo lives')).toBe('lives');
  });

  it('sees the environment of the session, its own over it, and nothing of the host', async () => {
    process.env['PADDOCK_TEST_MARKER'] = 'of-the-host';
    try {
      const env = await said(session, 'env', { env: { OF_BOTH: 'command', MINE: 'ä = "1"\n2' } });
      expect(env).toContain('OF_SESSION=one');
      expect(env).toContain('OF_BOTH=command');
      expect(env).toContain('MINE=ä = "1"\n2');
      expect(env).not.toContain('of-the-host');
      const names = (await said(session, 'env')).split('\n').map((line) => line.split('=')[0]);
      const known = ['PATH', 'HOME', 'LANG', 'TERM', 'OF_SESSION', 'OF_BOTH', 'PADDOCK_COMMAND', 'PWD', 'HOSTNAME'];
      // Podman says in which container a process is; there is no option against it.
      expect(names.filter((name) => !known.includes(name ?? '') && name !== 'container')).toEqual([]);
    } finally {
      delete process.env['PADDOCK_TEST_MARKER'];
    }
  });

  it('gets argv as it is, whatever is in it', async () => {
    const words = ['', ' ', '$HOME', '`id`', '*', '-n', "'", '"', '\n', 'ü', '\\', '--help'];
    const result = await run(session, ['/usr/bin/printf', '%s\\0', ...words]);
    expect(result.stdout.text.split('\0').slice(0, -1)).toEqual(words);
  });

  it('reads 8 MiB of standard input, to the byte', async () => {
    const stdin = randomBytes(8 * mib);
    const digest = createHash('sha256').update(stdin).digest('hex');
    expect(await said(session, 'wc -c', { stdin: 'x'.repeat(8 * mib) })).toBe(String(8 * mib));
    expect(await said(session, 'sha256sum', { stdin })).toContain(digest);
  });

  it('has an empty standard input when none was given', async () => {
    expect(await said(session, 'cat; echo end')).toBe('end');
    expect(await said(session, 'cat; echo end', { stdin: '' })).toBe('end');
  });

  it('that does not read its standard input ends as it would without', async () => {
    const result = await run(session, 'echo out; exit 5', { stdin: 'x'.repeat(4 * mib) });
    expect(result).toMatchObject({ exitCode: 5, reason: 'exited' });
  });

  it('reads a stream as it comes, and ends with it', async () => {
    const stdin = new PassThrough();
    const seen: string[] = [];
    const ended = run(
      session,
      'while read -r word; do echo "got $word"; done; echo over',
      { stdin: '' },
      {
        stdin,
        onOutput: (_stream, chunk) => {
          seen.push(chunk.toString());
          if (seen.join('') === 'got one\n') stdin.end('two\n');
        },
      },
    );
    stdin.write('one\n');
    expect((await ended).stdout.text).toBe('got one\ngot two\nover\n');
  });

  it('that prints 10 MiB keeps its head and its tail, and says what is missing', async () => {
    const line = 'echo first; yes 0123456789abcde | head -c 10485760; echo; echo last';
    const { stdout, stderr, exitCode } = await run(session, line, { outputCapBytes: 64 * 1024 });
    expect(exitCode).toBe(0);
    const total = 6 + 10 * mib + 1 + 5;
    expect(stdout).toMatchObject({ totalBytes: total, droppedBytes: total - 64 * 1024 });
    expect(stdout.text.startsWith('first\n0123456789abcde\n')).toBe(true);
    expect(stdout.text.endsWith('\nlast\n')).toBe(true);
    expect(stdout.text).toContain(`[… ${total - 64 * 1024} bytes left out …]`);
    expect(stderr).toEqual({ text: '', totalBytes: 0, droppedBytes: 0 });
  });

  it('that prints more than its limit is ended for it', async () => {
    const result = await run(session, 'yes', { outputLimitBytes: mib, outputCapBytes: 4096 });
    expect(result).toMatchObject({ exitCode: 137, reason: 'output-limit' });
    expect(result.stdout.totalBytes).toBeGreaterThan(mib);
    expect(processesIn(session)).toEqual([]);
  });

  it('may print any bytes, on both streams', async () => {
    const result = await run(session, "printf 'a\\000\\377\\033[2Jb'; printf '\\303\\244' >&2");
    expect(result.stdout).toMatchObject({ text: 'a\0\ufffd\u001b[2Jb', totalBytes: 8 });
    expect(result.stderr).toMatchObject({ text: 'ä', totalBytes: 2 });
  });

  it('may close its output long before it ends', async () => {
    const result = await run(session, 'echo out; exec >&- 2>&-; sleep 0.7; exit 4');
    expect(result).toMatchObject({ exitCode: 4, reason: 'exited', strays: 0 });
    expect(result.stdout.text).toBe('out\n');
    expect(result.usage.durationMs).toBeGreaterThanOrEqual(600);
  });

  it('is held back while nobody takes its output, and loses none of it', async () => {
    let bytes = 0;
    const onOutput = async (_stream: string, chunk: Buffer) => {
      bytes += chunk.length;
      await new Promise((resolve) => setTimeout(resolve, 1));
    };
    const result = await run(session, 'head -c 4194304 /dev/zero', {}, { onOutput });
    expect(result.stdout.totalBytes).toBe(4 * mib);
    expect(bytes).toBe(4 * mib);
  });

  it('runs beside others, each with its own result', async () => {
    const all = Array.from({ length: 6 }, (_, n) => run(session, `sleep 0.5; echo ${n}; exit ${n}`));
    const results = await Promise.all(all);
    expect(results.map((r) => [r.exitCode, r.stdout.text])).toEqual(all.map((_, n) => [n, `${n}\n`]));
  });

  it('is refused when as many run or are starting as may, and none of these suffers', async () => {
    const most = commandPath === 'exec' ? 16 : 64;
    const starts = await Promise.allSettled(
      Array.from({ length: most + 3 }, () => session.start(command('sleep 1000'))),
    );
    const running = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
    const refused = starts.flatMap((start) => (start.status === 'rejected' ? [start.reason as unknown] : []));
    expect(running).toHaveLength(most);
    expect(refused.map((error) => toPaddockError(error).code)).toEqual([
      'LIMIT_REACHED',
      'LIMIT_REACHED',
      'LIMIT_REACHED',
    ]);
    await Promise.all(running.map((entry) => entry.command.end('aborted').then(() => entry.settled)));
    expect(running.map((entry) => entry.outcome)).toEqual(
      running.map(() => ({ result: expect.objectContaining({ reason: 'aborted', exitCode: 130 }) as unknown })),
    );
    expect(processesIn(session)).toEqual([]);
    expect(await said(session, 'echo lives')).toBe('lives');
  });
});
