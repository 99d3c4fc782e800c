import { execFile } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classOf, readAddress } from '../../src/policy/egress/address.js';
import { engineKinds } from '../engine/support/engines.js';
import { ownEgress } from './support/outside.js';
import { document, paddock } from './support/paddock.js';
import { Place } from './support/place.js';

const certificates = '/etc/ssl/certs/ca-certificates.crt';

/** The registry that npm of this machine uses, and rules for such of its addresses as are not public: a mirror of a company's own. */
async function ownRegistry(): Promise<{ readonly url: URL; readonly addressRules: readonly string[] }> {
  const { stdout } = await promisify(execFile)('npm', ['config', 'get', 'registry'], { cwd: '/' });
  const url = new URL(stdout.trim());
  const found = await lookup(url.hostname, { all: true });
  const special = found.filter(({ address }) => {
    const read = readAddress(address);
    return read === undefined || classOf(read) !== 'public';
  });
  const addressRules = special.map(
    ({ address, family }) =>
      `${url.protocol}//${family === 6 ? `[${address}]` : address}${url.port === '' ? '' : `:${url.port}`}`,
  );
  return { url, addressRules };
}

describe.each(engineKinds.filter((kind) => kind === 'podman'))('npm install in a sandbox on %s', (kind) => {
  let place: Place;
  let env: Readonly<Record<string, string>>;
  let registry: Awaited<ReturnType<typeof ownRegistry>>;

  beforeAll(async () => {
    place = await Place.make(kind);
    registry = await ownRegistry();
    env = ownEgress(place, { allow: ['preset:npm', ...registry.addressRules] });
    await writeFile(join(place.project, 'package.json'), '{ "name": "tried", "version": "1.0.0" }\n');
  });
  afterAll(() => place[Symbol.asyncDispose]());

  const installed = async (allow: readonly string[]) => {
    const script = 'npm install is-odd@3.0.1 && node -p "require(\'is-odd\')(3)"';
    const trust = existsSync(certificates) ? ['--env', `NODE_EXTRA_CA_CERTS=${certificates}`] : [];
    const quick = ['npm_config_fetch_retries=0', 'npm_config_audit=false', 'npm_config_fund=false'];
    const settings = [`npm_config_registry=${registry.url.href}`, ...quick].flatMap((one) => ['--env', one]);
    const rules = [...allow, ...registry.addressRules].flatMap((rule) => ['--allow', rule]);
    const args = ['--project', place.project, '--network', 'allowlist', ...rules, ...trust, ...settings];
    const ran = await paddock(place, ['run', '--json', ...args, '--', 'sh', '-c', script], { env });
    return document(ran) as { exitCode: number; stdout: { text: string }; blocked?: { host: string; hint: string }[] };
  };

  it('works where the preset for it is allowed, and leaves the project as it is', async () => {
    const { exitCode, stdout, blocked } = await installed(['npm']);
    expect([blocked, exitCode]).toEqual([undefined, 0]);
    expect(stdout.text).toMatch(/added 2 packages/);
    expect(stdout.text.endsWith('\ntrue\n')).toBe(true);
    expect((await readdir(place.project)).sort()).toEqual(['hello.txt', 'package.json']);
  });

  it('fails without it, and the result says what was refused and what would allow it', async () => {
    const { exitCode, blocked } = await installed([]);
    expect(exitCode).not.toBe(0);
    const rule = `${registry.url.protocol}//${registry.url.host}`;
    expect(blocked).toMatchObject([
      { host: registry.url.hostname, ruleId: 'egress.host', hint: expect.stringContaining(`--allow ${rule}\``) },
    ]);
  });
});
