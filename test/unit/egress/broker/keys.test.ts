import { chmod, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readKeyFile } from '../../../../src/egress/broker/key-file.js';
import { findKeys } from '../../../../src/egress/broker/keys.js';
import { builtInRoutes } from '../../../../src/egress/broker/routes/built-in.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { Secret } from '../../../../src/kit/secret.js';
import { temporaryFolder } from './support/temporary-folder.js';

describe('a secret', () => {
  it('is not in what becomes of it as text, as JSON, on a screen, in an error or in a copy', () => {
    const secret = new Secret('hunter2-hunter2');
    const all = [String(secret), JSON.stringify({ secret }), inspect({ secret }, { showHidden: true, depth: 9 })];
    all.push(
      String(new Error(String(secret))),
      JSON.stringify(Object.entries(secret)),
      inspect(structuredClone({ secret })),
    );
    for (const text of all) expect(text).not.toContain('hunter2');
    expect(secret.reveal()).toBe('hunter2-hunter2');
    expect(secret.fingerprint).toMatch(/^[0-9a-f]{8}$/);
  });
});

describe('keys', () => {
  const environment = {
    ANTHROPIC_API_KEY: 'a-env',
    ANTHROPIC_AUTH_TOKEN: 't-env',
    GOOGLE_API_KEY: 'g-env',
    AWS_REGION: 'eu-west-1',
  };
  const file = { ANTHROPIC_API_KEY: 'a-file', OPENAI_API_KEY: 'o-file', GEMINI_API_KEY: 'g-file' };

  it('come from the arguments, then the environment, then the file', () => {
    const first = findKeys({ apiKey: 'a-arg', awsRegion: 'us-east-1' }, environment, file, '/keys');
    expect(first.anthropic).toMatchObject({ kind: 'api-key', source: 'apiKey' });
    expect(first.anthropic?.secret.reveal()).toBe('a-arg');
    expect(first.openai).toMatchObject({ source: 'OPENAI_API_KEY in /keys' });
    expect(first.google?.secret.reveal()).toBe('g-env');
    expect(first.aws).toEqual({ from: { kind: 'chain', profile: undefined }, region: 'us-east-1' });
    expect(findKeys({}, environment, file).anthropic?.secret.reveal()).toBe('a-env');
    expect(findKeys({}, {}, file).anthropic?.secret.reveal()).toBe('a-file');
    expect(findKeys({ authToken: 't' }, environment, file).anthropic).toMatchObject({
      kind: 'bearer',
      source: 'authToken',
    });
    expect(findKeys({}, { CLAUDE_CODE_OAUTH_TOKEN: 'x' }, {}).anthropic).toMatchObject({ kind: 'oauth' });
    expect(findKeys({}, { ANTHROPIC_API_KEY: ' ' }, {}).anthropic).toBeUndefined();
  });

  it('of AWS are the arguments’, a Bedrock key, the file’s, or what AWS tools find', () => {
    const both = { awsAccessKeyId: 'AKIA', awsSecretAccessKey: 's3cret', awsSessionToken: 'tok' };
    expect(findKeys(both, { AWS_ACCESS_KEY_ID: 'x' }, {}).aws.from).toMatchObject({
      kind: 'static',
      key: { accessKeyId: 'AKIA' },
    });
    expect(findKeys({ awsProfile: 'p' }, {}, {}).aws.from).toEqual({ kind: 'chain', profile: 'p' });
    expect(findKeys({}, { AWS_BEARER_TOKEN_BEDROCK: 'x' }, {}).aws.from).toMatchObject({ kind: 'bearer' });
    const filed = { AWS_ACCESS_KEY_ID: 'AKIB', AWS_SECRET_ACCESS_KEY: 's' };
    expect(findKeys({}, {}, filed).aws.from).toMatchObject({ kind: 'static', key: { accessKeyId: 'AKIB' } });
    expect(findKeys({}, { AWS_PROFILE: 'p' }, filed).aws.from).toMatchObject({ kind: 'chain' });
  });

  it('that are halves, or no keys, are refused without being quoted', () => {
    const odd = [{ apiKey: 'hunter2\r\nx-evil: 1' }, { apiKey: '' }, { authToken: 'hunter2 é' }];
    const halves = [{ awsAccessKeyId: 'AKIA' }, { awsSecretAccessKey: 'hunter2' }, { awsSessionToken: 'hunter2' }];
    for (const given of [...odd, ...halves]) {
      const thrown = expect.objectContaining({
        code: 'BAD_CONFIG',
        message: expect.not.stringContaining('hunter2') as string,
      });
      expect(() => findKeys(given, {}, {})).toThrow(thrown as Error);
    }
  });

  it('make routes whose addresses are those of the environment, and Bedrock where there is a region', () => {
    const keys = findKeys({}, environment, file);
    const own = { ANTHROPIC_BASE_URL: 'http://127.0.0.1:1/x', AWS_ENDPOINT_URL_BEDROCK_RUNTIME: 'https://own.test' };
    const routes = builtInRoutes({ keys, environment: own, clock: systemClock });
    expect(routes.map(({ id, upstream }) => [id, upstream.href])).toEqual([
      ['anthropic', 'http://127.0.0.1:1/x'],
      ['openai', 'https://api.openai.com/'],
      ['google', 'https://generativelanguage.googleapis.com/'],
      ['bedrock', 'https://own.test/'],
    ]);
    expect(inspect(keys, { depth: 9 })).not.toMatch(/-env|-file/);
    const none = builtInRoutes({ keys: findKeys({}, {}, {}), environment: {}, clock: systemClock });
    expect(none.map(({ id }) => id)).toEqual(['anthropic', 'openai', 'google']);
  });
});

describe('a key file', () => {
  it('is read when it is ours alone, and refused when others can read it, or when it is a link or a folder', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'keys');
    await writeFile(path, '# mine\nOPENAI_API_KEY="a b"\nX=hunter2\n', { mode: 0o600 });
    expect(await readKeyFile(path)).toEqual({ OPENAI_API_KEY: 'a b', X: 'hunter2' });
    const refused = (message: string) =>
      expect.objectContaining({ code: 'BAD_CONFIG', message: expect.stringContaining(message) as string }) as Error;
    for (const mode of [0o640, 0o604, 0o620]) {
      await chmod(path, mode);
      await expect(readKeyFile(path)).rejects.toThrow(refused('can be used by others'));
    }
    await chmod(path, 0o600);
    await symlink(path, `${path}-link`);
    await expect(readKeyFile(`${path}-link`)).rejects.toThrow(refused('ELOOP'));
    await expect(readKeyFile(folder.path)).rejects.toThrow(refused('no regular file'));
    await expect(readKeyFile(`${path}-none`)).rejects.toThrow(refused('ENOENT'));
    await writeFile(path, 'x'.repeat(70_000));
    await expect(readKeyFile(path)).rejects.toThrow(refused('more than'));
  });
});
