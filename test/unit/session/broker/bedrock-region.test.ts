import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { builtInPolicy } from '../../../../src/config/built-in-policy.js';
import { bedrockRegion } from '../../../../src/session/broker/provider-routes.js';

describe('the region of Bedrock', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-region-'));
    const settings =
      '[default]\nregion = eu-north-1\n[profile work]\nregion = eu-south-1\n[profile bare]\noutput = json\n';
    await writeFile(join(folder, 'config'), settings);
    await writeFile(join(folder, 'keys'), 'AWS_DEFAULT_REGION=ca-west-1\n', { mode: 0o600 });
    vi.stubEnv('AWS_PROFILE', undefined);
    vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'config'));
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere');
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  const found = (
    given: { readonly awsRegion?: string; readonly awsProfile?: string },
    sources: Parameters<typeof bedrockRegion>[0]['sources'] = { environment: {} },
    environment = true,
  ) =>
    bedrockRegion({ given: { secrets: {}, ...given }, sources, rules: { ...builtInPolicy('/').broker, environment } });

  it('is that of the request, then of the variables, then of the key file', async () => {
    const keyFile = join(folder, 'keys');
    const all = { environment: { AWS_REGION: 'us-west-1', AWS_DEFAULT_REGION: 'us-west-2' }, keyFile };
    expect(await found({ awsRegion: 'sa-east-1' }, all)).toBe('sa-east-1');
    expect(await found({}, all)).toBe('us-west-1');
    expect(await found({ awsProfile: 'work' }, { environment: {}, keyFile })).toBe('ca-west-1');
  });

  it('else that of the profile in AWS’s own settings, as they are then', async () => {
    expect(await found({ awsProfile: 'work' })).toBe('eu-south-1');
    expect(await found({ awsProfile: 'bare' })).toBeUndefined();
    expect(await found({})).toBe('eu-north-1');
    vi.stubEnv('AWS_PROFILE', 'work');
    expect(await found({})).toBe('eu-south-1');
    await writeFile(join(folder, 'config'), '[profile work]\nregion = eu-west-3\n');
    expect(await found({})).toBe('eu-west-3');
  });

  it('is not looked for there where policy shuts the environment, and is nowhere where nothing can be read', async () => {
    expect(await found({ awsProfile: 'work' }, undefined, false)).toBeUndefined();
    vi.stubEnv('AWS_CONFIG_FILE', folder);
    expect(await found({ awsProfile: 'work' })).toBeUndefined();
  });
});
