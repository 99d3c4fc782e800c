import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/audit/record.js';
import { detailsToJson, digest, plain, redactArgv, redactEnv } from '../../../src/audit/redaction.js';
import { folder, openAt, session } from './support/log-fixture.js';

const json = (details: Parameters<typeof detailsToJson>[0]) => detailsToJson(details);

describe('details', () => {
  it('hold numbers, flags and what was declared plain; any other string becomes its digest', () => {
    expect(json({ n: 3, is: true, none: null, image: plain('alpine:3'), text: 'hunter2', left: undefined })).toEqual({
      n: 3,
      is: true,
      none: null,
      image: 'alpine:3',
      text: { bytes: 7, sha256: sha256('hunter2') },
    });
  });

  it('do not take an object that only looks like a plain text or a digest', () => {
    expect(json({ forged: { text: 'hunter2' }, other: { bytes: 1, sha256: 'hunter2' } })).toEqual({
      forged: { text: { bytes: 7, sha256: sha256('hunter2') } },
      other: { bytes: 1, sha256: { bytes: 7, sha256: sha256('hunter2') } },
    });
  });

  it('keep neither odd keys nor deep values, and no number that is not whole', () => {
    const deep = json({ a: { b: { c: { d: { e: 'x' } } } }, 'sk-ant !': 1, action: 2, half: 0.5, zero: -0 });
    expect(JSON.stringify(deep)).not.toMatch(/"e"|sk-ant|"action"/);
    expect(deep).toMatchObject({ half: '0.5', zero: '0', a: { b: { c: { d: { bytes: 9 } } } } });
  });

  it('with hostile nesting are refused, not a crash', () => {
    let nested: unknown = 1;
    for (let n = 0; n < 50_000; n += 1) nested = [nested];
    expect(() => digest(nested)).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
    expect(() => digest(() => 1)).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
  });

  it('have one digest per value, whatever the order of its keys', () => {
    expect(digest({ a: 1, b: [true, null] })).toEqual(digest({ b: [true, null], a: 1 }));
    expect(digest(Buffer.from('abc'))).toEqual(digest('abc'));
    expect(digest('').sha256).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });
});

describe('commands and environments', () => {
  it.each([
    [['/usr/bin/node', '--version'], 'node'],
    [['g++', 'a.cc'], 'g++'],
    [['TOKEN=hunter2', 'curl'], undefined],
    [['TOKEN=/a/hunter2', 'curl'], undefined],
    [['ghp_0123456789abcdefghijklmnopqrstuvwxyzAB'], undefined],
    [['odd(name)'], undefined],
    [[], undefined],
  ])('of %j the program is %s', (argv, program) => {
    const { program: found } = json(redactArgv(argv));
    expect(found).toBe(program);
  });

  it('tell commands apart that differ only in where words end', () => {
    expect(json(redactArgv(['a', 'b c']))).not.toEqual(json(redactArgv(['a', 'b', 'c'])));
    expect(json(redactArgv(['a b', 'c']))['argv']).not.toEqual(json(redactArgv(['a', 'b c']))['argv']);
  });

  it('give the names of variables that look like names, and no values', () => {
    const env = { PATH: '/bin', AWS_SECRET_ACCESS_KEY: 'hunter2', 'hunter2-as-name': '1', hunter2: '1' };
    expect(json(redactEnv(env))).toEqual({ count: 4, names: ['AWS_SECRET_ACCESS_KEY', 'PATH'], unnamed: 2 });
  });
});

describe('planted secrets', () => {
  it('are nowhere in the log, whichever way they come', async () => {
    await using at = await folder();
    const secret = 'sk-ant-api03-PLANTED-0123456789';
    {
      await using log = await openAt(at.path);
      const intent = await log.intent('command.run', {
        session,
        details: {
          ...redactArgv(['curl', '-H', `x-api-key: ${secret}`]),
          env: redactEnv({ API_KEY: secret, [secret]: 'x' }),
          args: { prompt: `use ${secret}`, list: [secret, { deep: { deeper: secret } }], [secret]: secret },
          stdin: digest(secret),
        },
      });
      await intent.outcome('COMMAND_NOT_RUN', { details: { stdout: `printed ${secret}` } });
    }
    expect(await readFile(at.path, 'utf8')).not.toContain('PLANTED');
  });
});
