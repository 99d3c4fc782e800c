import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commandsNaming, leftOvers, processesNaming } from '../e2e/support/left-overs.js';
import {
  document,
  finished,
  notedControls,
  paddock,
  printed,
  startPaddock,
  withoutNote,
} from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { engineKinds, uniqueName } from '../engine/support/engines.js';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe.each(engineKinds)('paddock run on %s', (kind) => {
  it('shows output as it comes, and ends as its command did', async () => {
    await using place = await Place.make(kind);
    const go = join(place.project, 'go');
    const command = 'echo begun; until [ -e /workspace/go ]; do sleep 0.1; done; echo done; echo bad >&2; exit 3';
    const child = startPaddock(place, [
      'run',
      '--project',
      place.project,
      '--workspace',
      'ro',
      '--',
      'sh',
      '-c',
      command,
    ]);
    // It can only go on once its first line has been seen here.
    await printed(child, 'begun');
    const end = finished(child);
    await mkdir(go);
    expect(await end).toMatchObject({ status: 3, stdout: Buffer.from('done\n') });
    expect(withoutNote((await end).stderr)).toBe('bad\n');
    expect(await leftOvers(place, [kind])).toEqual([]);
  });

  it('passes a mebibyte of random bytes through, unchanged', async () => {
    await using place = await Place.make(kind);
    const bytes = randomBytes(1024 * 1024);
    const result = await paddock(place, ['run', '--', 'cat'], { stdin: bytes });
    expect([result.status, withoutNote(result.stderr), sha256(result.stdout)]).toEqual([0, '', sha256(bytes)]);
  });

  const statuses: readonly [string, readonly string[], number, string][] = [
    ['success', ['true'], 0, 'exited'],
    ["the command's own status", ['sh', '-c', 'exit 42'], 42, 'exited'],
    ['a program that is not there', ['no-such-program'], 127, 'exited'],
    ['a program that a shell does not find', ['sh', '-c', 'no-such-program'], 127, 'exited'],
    ['a file that is no program', ['/etc/passwd'], 126, 'exited'],
    ['a signal', ['sh', '-c', 'kill -9 $$'], 137, 'exited'],
  ];

  it('exits with the status of the command, and says in one JSON document why it ended', async () => {
    await using place = await Place.make(kind);
    for (const [what, argv, status, reason] of statuses) {
      const result = await paddock(place, ['run', '--json', '--', ...argv]);
      expect([what, result.status, document(result)]).toMatchObject([what, status, { exitCode: status, reason }]);
    }
  });

  it('exits with 124 at the timeout and keeps what was printed', async () => {
    await using place = await Place.make(kind);
    const result = await paddock(place, ['run', '--timeout', '1s', '--', 'sh', '-c', 'echo so far; sleep 60']);
    expect([result.status, result.stdout.toString()]).toEqual([124, 'so far\n']);
    expect(result.stderr).toContain('timeout');
  });

  it('prints streams, usage and enforcement with --json, and nothing else', async () => {
    await using place = await Place.make(kind);
    const result = await paddock(place, ['run', '--json', '--', 'sh', '-c', 'echo out; echo err >&2']);
    expect(document(result)).toMatchObject({
      exitCode: 0,
      stdout: { text: 'out\n', totalBytes: 4, droppedBytes: 0 },
      stderr: { text: 'err\n' },
      usage: { durationMs: expect.any(Number) },
      enforcement: expect.arrayContaining([expect.objectContaining({ id: 'seccomp', status: 'enforced' })]),
    });
    expect(result.stderr).toBe('');
  });

  it('says on stderr which limits do not hold, exactly those that --json shows as not enforced', async () => {
    await using place = await Place.make(kind);
    const { enforcement } = document(await paddock(place, ['run', '--json', '--', 'true'])) as {
      enforcement: readonly { id: string; status: string }[];
    };
    const noted = notedControls((await paddock(place, ['run', '--', 'true'])).stderr);
    const asked = ['user-namespace', 'memory', 'swap', 'cpu', 'pids', 'nofile', 'core'];
    const weak = enforcement
      .filter(({ id, status }) => asked.includes(id) && status !== 'enforced')
      .map(({ id }) => id);
    expect(noted).toEqual(weak);
  });

  it('ends everything on Ctrl-C', async () => {
    await using place = await Place.make(kind);
    const mark = uniqueName('ctrl-c');
    const child = startPaddock(place, ['run', '--', 'sh', '-c', `echo begun; trap '' INT; sleep 600; : ${mark}`]);
    await printed(child, 'begun');
    const end = finished(child);
    process.kill(-(child.pid ?? 0), 'SIGINT');
    expect((await end).status).toBe(130);
    expect(commandsNaming(mark).filter((pid) => pid !== process.pid)).toEqual([]);
    expect(await leftOvers(place, [kind])).toEqual([]);
  });

  it('ends its command when whoever reads the output goes away', async () => {
    await using place = await Place.make(kind);
    const child = startPaddock(place, ['run', '--', 'yes']);
    await printed(child, 'y');
    child.stdout?.destroy();
    await finished(child);
    expect(await leftOvers(place, [kind])).toEqual([]);
  });

  it('interrupted at any moment of its start leaves nothing', async () => {
    await using place = await Place.make(kind);
    for (const delayMs of [250, 450, 550, 650, 800]) {
      const child = startPaddock(place, ['run', '--', 'sleep', '600']);
      const end = finished(child);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      child.kill('SIGINT');
      const { status } = await end;
      // Before our handlers stand the signal itself ends the process, which then has done nothing yet.
      expect([125, 130, null]).toContain(status);
    }
    expect(await leftOvers(place, [kind])).toEqual([]);
  });
});

describe('paddock run', () => {
  it('refused by policy exits with 125, and has the code and its own exit code in the document', async () => {
    await using place = await Place.make('podman');
    const result = await paddock(place, ['run', '--json', '--project', '/etc', '--', 'true']);
    expect(result.status).toBe(125);
    expect(document(result)).toMatchObject({ error: { code: 'POLICY_DENIED', exitCode: 3 } });
    expect(result.stderr).toMatch(/POLICY_DENIED \[rule [a-z.-]+\]/);
    const noCommand = await paddock(place, ['run', '--json']);
    expect([noCommand.status, document(noCommand)]).toMatchObject([
      125,
      { error: { code: 'BAD_ARGUMENT', exitCode: 2 } },
    ]);
    expect(await leftOvers(place, ['podman'])).toEqual([]);
  });

  it('writes to the project only when told so', async () => {
    await using place = await Place.make('podman');
    const command = ['--', 'sh', '-c', 'echo new > /workspace/new.txt'];
    const project = ['run', '--project', place.project];
    const beside = await paddock(place, [...project, ...command]);
    expect(beside.status).toBe(0);
    expect(beside.stderr).toContain('changed the workspace (1 added), not kept: --keep');
    const counted = await paddock(place, [...project, '--json', ...command]);
    expect(document(counted)).toMatchObject({ exitCode: 0, changes: { total: 1, added: 1, isComplete: true } });
    const readOnly = await paddock(place, [...project, '--workspace', 'ro', ...command]);
    expect(readOnly.status).not.toBe(0);
    expect(document(await paddock(place, ['changes', '--all', '--json']))).toEqual({ sessions: [] });
    await expect(readFile(join(place.project, 'new.txt'))).rejects.toMatchObject({ code: 'ENOENT' });
    const writable = await paddock(place, ['run', '--project', place.project, '--workspace', 'rw', ...command]);
    expect(writable.status).toBe(0);
    expect(await readFile(join(place.project, 'new.txt'), 'utf8')).toBe('new\n');
  });

  it('without an engine exits with 125 and tells what was tried', async () => {
    await using place = await Place.make();
    const empty = join(place.root, 'empty');
    await mkdir(empty, { mode: 0o700 });
    const env = { XDG_RUNTIME_DIR: empty, PATH: empty };
    const result = await paddock(place, ['run', '--json', '--', 'true'], { env });
    expect(result.status).toBe(125);
    expect(document(result)).toMatchObject({ error: { code: 'NO_ENGINE', exitCode: 4 } });
    for (const path of [`${empty}/podman/podman.sock`, `${empty}/docker.sock`]) expect(result.stderr).toContain(path);
    const created = await paddock(place, ['create'], { env });
    expect(created.status).toBe(4);
  });

  it('starts a podman service of its own where there is no socket, and ends it', async () => {
    await using place = await Place.make();
    const runtime = join(place.root, 'r');
    await mkdir(runtime, { mode: 0o700 });
    const env = { XDG_RUNTIME_DIR: runtime };
    const result = await paddock(place, ['run', '--', 'echo', 'inside'], { env });
    expect([withoutNote(result.stderr), result.status, result.stdout.toString()]).toEqual(['', 0, 'inside\n']);
    const services = processesNaming(runtime).filter((one) => one.command.includes('system service'));
    expect(services).toEqual([]);
  });
});
