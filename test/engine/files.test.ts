import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SessionFiles } from '../../src/session/files.js';
import type { Session } from '../../src/session/session.js';
import { readSessionLog } from '../../src/session/session-log.js';
import { codeOf } from '../support/code-of.js';
import { channelOrNot } from './support/engines.js';
import { run, Stage, said } from './support/stage.js';

const whole = { offset: 0, mostBytes: 100_000 };
const write = { parents: false, overwrite: true };

describe.each(channelOrNot)('files of a session, on a real rootless %s, over %s', (kind, commandPath) => {
  let stage: Stage;
  let project: string;
  let session: Session;
  let files: SessionFiles;

  beforeAll(async () => {
    ({ stage, project, session } = await Stage.overProject(kind, { commandPath }));
    files = new SessionFiles(session);
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('are written and read back byte by byte, without a trace in the log or in the project', async () => {
    const bytes = Buffer.from(Array.from({ length: 90_000 }, (_, i) => (i * 7) % 256));
    const options = { ...write, parents: true, mode: 0o750 };
    const { status, wasThere } = await files.write('made/here/blob', bytes, options);
    expect({ status, wasThere }).toMatchObject({ status: { mode: 0o750, sizeBytes: 90_000 }, wasThere: false });
    expect((await files.read('made/here/blob', whole)).bytes.equals(bytes)).toBe(true);
    expect((await files.read('/workspace/made/here/blob', { offset: 300, mostBytes: 5 })).bytes).toEqual(
      bytes.subarray(300, 305),
    );
    expect(await said(session, 'wc -c <made/here/blob; ls made/here')).toBe('90000\nblob');
    await files.write('hello.txt', Buffer.from('one\ntwo-secret\nthree\n'), write);
    const lines = await files.read('hello.txt', { firstLine: 2, lines: 1, mostBytes: 100 });
    expect(lines).toMatchObject({ offset: 4, bytes: Buffer.from('two-secret\n') });
    expect(await readFile(join(project, 'hello.txt'), 'utf8')).toBe('hello\n');
    await session.flushLog();
    const { text } = await readSessionLog(stage.store.logPath(session.id), 100_000);
    expect(text).toContain('--file-read');
    expect(text).not.toContain('two-secret');
    expect(session.commands.filter(({ argv }) => argv[0]?.includes('paddock') === true)).toEqual([]);
  });

  it('are refused with a reason where the sandbox may not use them', async () => {
    await run(session, 'mkfifo pipe; touch sealed; chmod 0 sealed; ln -s nowhere dangling');
    expect(
      await Promise.all([
        ...['missing', 'dangling', 'sealed', '.', 'pipe'].map((path) => codeOf(files.read(path, whole))),
        codeOf(files.write('/usr/new', Buffer.from('x'), write)),
        codeOf(files.write('/proc/self/new', Buffer.from('x'), write)),
        codeOf(files.write('sealed', Buffer.from('x'), { ...write, overwrite: false })),
        codeOf(files.write('no/folder', Buffer.from('x'), write)),
        codeOf(files.write('.', Buffer.from('x'), write)),
        codeOf(files.list('hello.txt', 1)),
        codeOf(files.list('missing', 1)),
        codeOf(files.write('/.paddock/init', Buffer.from('x'), write)),
      ]),
    ).toEqual([
      ...['NO_SUCH_FILE', 'NO_SUCH_FILE', 'FILE_REFUSED', 'FILE_KIND', 'FILE_KIND'],
      ...['FILE_REFUSED', 'NO_SUCH_FILE', 'FILE_EXISTS', 'NO_SUCH_FILE', 'FILE_KIND'],
      ...['FILE_KIND', 'NO_SUCH_FILE', 'FILE_REFUSED'],
    ]);
  });

  it('are listed as they are, hostile names included', async () => {
    await run(
      session,
      `mkdir -p t/deep && printf x >"$(printf 't/not\\377text')"; ln -s /etc t/out; touch t/deep/.hid; mkdir -m 0 t/shut`,
    );
    const { files: found, isCut } = await files.list('t', 5);
    expect(found.map(({ path, type }) => `${type} ${path.toString('latin1')}`)).toEqual([
      ...['folder deep', 'file deep/.hid', 'file not\xfftext', 'link out', 'folder shut'],
    ]);
    expect(found.filter(({ isClosed }) => isClosed).map(({ path }) => path.toString())).toEqual(['shut']);
    expect(isCut).toBe(false);
  });

  it('come through a program that nothing inside can replace', async () => {
    const attempts = [
      'echo x >/.paddock/init',
      'rm -f /.paddock/init',
      'mv /.paddock /gone',
      'ln -sf /tmp /.paddock/init',
    ];
    for (const attempt of attempts) {
      expect((await run(session, attempt)).exitCode, attempt).not.toBe(0);
    }
    expect((await files.read('/etc/hostname', whole)).status.type).toBe('file');
  });

  it('are those of the sandbox and never those of the host, whatever is swapped for a link meanwhile', async () => {
    const secret = join(stage.folder, 'secret');
    await mkdir(secret);
    await writeFile(join(secret, 'key'), 'of-the-host');
    await run(session, `mkdir real && echo inside >real/key && ln -s ${secret} trap`);
    // What reads the layer on the host by path does follow: this is what would be lost.
    const upper = join(stage.store.layerFolder(session.id), 'upper');
    expect(await readFile(join(upper, 'trap/key'), 'utf8')).toBe('of-the-host');
    await expect(files.read('trap/key', whole)).rejects.toMatchObject({ code: 'NO_SUCH_FILE' });
    const swapping = await session.start({
      ...{ argv: ['/bin/sh', '-c', 'while :; do ln -sfn real it; ln -sfn "$0" it; done', secret] },
      ...{ timeoutMs: 60_000, outputCapBytes: 4096, outputLimitBytes: 1024 ** 2 },
    });
    for (let i = 0; i < (commandPath === 'exec' ? 5 : 25); i += 1) {
      const got = await files.read('it/key', whole).then(
        ({ bytes }) => bytes.toString(),
        (error: unknown) => (error as { code: string }).code,
      );
      expect(['inside\n', 'NO_SUCH_FILE']).toContain(got);
      await files.write('it/new', Buffer.from('x'), write).catch(() => undefined);
      const names = await files.list('it', 3).then(
        ({ files: all }) => all.map(({ path }) => path.toString()),
        () => [],
      );
      expect(names.filter((name) => name !== 'key' && name !== 'new')).toEqual([]);
    }
    await swapping.command.end('aborted');
    await expect(readFile(join(secret, 'new'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await readFile(join(secret, 'key'), 'utf8')).toBe('of-the-host');
  });

  it('stay as they were when the write is cancelled', async () => {
    await files.write('/tmp/kept', Buffer.from('before'), write);
    const abort = AbortSignal.abort();
    await expect(files.write('/tmp/kept', Buffer.from('after'), { ...write, signal: abort })).rejects.toThrow();
    expect((await files.read('/tmp/kept', whole)).bytes.toString()).toBe('before');
  });
});
