import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { awsChain } from '../../../../src/egress/broker/credentials/aws-chain.js';
import { temporaryFolder } from './support/temporary-folder.js';

const role = {
  ...{ Code: 'Success', Type: 'AWS-HMAC', LastUpdated: '2026-11-23T00:00:00Z' },
  ...{ AccessKeyId: 'ROLEKEYID1Q2W3E4R', SecretAccessKey: 'role-secret-5t6y7u8i', Token: 'role-session-9o0p1a2s' },
  Expiration: '2999-01-01T00:00:00Z',
};

/** The metadata service of a cloud, on this loopback. */
async function metadata(asked: string[]) {
  const answers: Readonly<Record<string, string>> = {
    'PUT /latest/api/token': 'a-token',
    'GET /latest/meta-data/iam/security-credentials/': 'the-role',
    'GET /latest/meta-data/iam/security-credentials/the-role': JSON.stringify(role),
    'GET /role-of-the-container': JSON.stringify(role),
  };
  const wordOf = ({ method = '', url = '' }: IncomingMessage) => `${method} ${url}`;
  const server = createServer((request, reply) => {
    asked.push(wordOf(request));
    const answer = answers[wordOf(request)];
    reply.writeHead(answer === undefined ? 404 : 200).end(answer ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, [Symbol.asyncDispose]: () => new Promise<void>((done) => void server.close(() => done())) };
}

describe('credentials of AWS are found as its own tools do', () => {
  beforeEach(() => {
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_CONFIG_FILE', '/nowhere/config');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere/credentials');
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });
  const revealed = async (options: Parameters<typeof awsChain>[0] = {}) => {
    const { accessKeyId, secretAccessKey, sessionToken } = await awsChain(options)();
    return [accessKeyId, secretAccessKey.reveal(), sessionToken?.reveal()];
  };

  it('in variables, and in the profile that is named', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'credentials');
    const profile = '[work]\naws_access_key_id = FILEKEYID\naws_secret_access_key = file-secret\n';
    await writeFile(file, `[default]\naws_access_key_id = OTHER\naws_secret_access_key = other\n${profile}`);
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file);
    expect(await revealed({ profile: 'work' })).toEqual(['FILEKEYID', 'file-secret', undefined]);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'ENVKEYID');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'env-secret');
    expect(await revealed()).toEqual(['ENVKEYID', 'env-secret', undefined]);
  });

  const found = [role.AccessKeyId, role.SecretAccessKey, role.Token];
  it('in the role of the instance, asked for once until it expires', async () => {
    const asked: string[] = [];
    await using service = await metadata(asked);
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'false');
    vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', service.url);
    const keys = awsChain();
    expect((await keys()).accessKeyId).toBe(role.AccessKeyId);
    const before = asked.length;
    const { secretAccessKey, sessionToken } = await keys();
    expect([secretAccessKey.reveal(), sessionToken?.reveal()]).toEqual(found.slice(1));
    expect(asked.length).toBe(before);
  });

  it('in the role of the container', async () => {
    await using service = await metadata([]);
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `${service.url}/role-of-the-container`);
    expect(await revealed()).toEqual(found);
  });

  it('and where there are none, that is said without a word of why', async () => {
    await expect(awsChain({ profile: 'secret-name' })()).rejects.toMatchObject({
      ruleId: 'broker.key',
      message: expect.not.stringContaining('secret-name') as unknown,
    });
  });
});
