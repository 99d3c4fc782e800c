import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImageInfo } from '../../../../src/engine/image-types.js';
import type { Engine } from '../../../../src/engine/types.js';
import { findScanner, installedScanners } from '../../../../src/image/scan/find-scanner.js';
import { scanGate } from '../../../../src/image/scan/scan-gate.js';
import { ImageScanner } from '../../../../src/image/scan/scan-image.js';
import { ScanStore } from '../../../../src/image/scan/scan-store.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { installProgram, installScanner } from '../../../support/install-scanner.js';

const id = `sha256:${'ab'.repeat(32)}`;
const reference = 'docker.io/library/x:1';
const never = new AbortController().signal;

/** A `docker save` archive of one layer. */
async function archiveOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const layer = await tarOf(files);
  const name = createHash('sha256').update(layer).digest('hex');
  const manifest = JSON.stringify([{ Config: 'c.json', RepoTags: [reference], Layers: [`${name}/layer.tar`] }]);
  return await tarOf({ 'manifest.json': manifest, 'c.json': '{}', [`${name}/layer.tar`]: layer });
}

async function tarOf(files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name }, content);
  tar.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of tar) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** Of an engine what a scan uses. */
function engineWith(tar: () => Readable, image: Partial<ImageInfo> = {}): Engine {
  return {
    inspectImage: () => Promise.resolve({ id, sizeBytes: 1000, ...image }),
    saveImage: (asked: string) => {
      expect(asked).toBe(id);
      return Promise.resolve({ tar: tar(), [Symbol.asyncDispose]: () => Promise.resolve() });
    },
  } as unknown as Engine;
}

const debian = {
  'etc/os-release': 'NAME="Debian"\nID=debian\n',
  'var/lib/dpkg/status': 'Package: leaky\nStatus: install ok installed\nVersion: 1.0-1\n\nPackage: fine\nVersion: 2\n',
};

describe('scanning an image', () => {
  let folder: string;
  let store: ScanStore;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-test-'));
    store = new ScanStore(join(folder, 'state'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const turn = () => Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() });
  const scanner = (engine: Engine, PATH: string, env: Record<string, string> = {}) =>
    new ImageScanner({ engine, store, clock: systemClock, env: { PATH, ...env }, turn, onStep: () => undefined });
  const rules = { pinned: false, scan: 'require', maxSeverity: 'high', maxScanAgeMs: 1e9, unscanned: [] } as const;
  const fake = (script: string) => installProgram(join(folder, 'bin'), 'trivy', script);
  const clean = `echo '{"SchemaVersion":2,"Results":[{"Packages":[{"Name":"x"}]}]}'`;

  it('finds what is in the package database of the archive, and keeps it by the image’s id', async () => {
    const PATH = await installScanner(join(folder, 'bin'));
    const archive = await archiveOf(debian);
    const scan = await scanner(
      engineWith(() => Readable.from([archive])),
      PATH,
    ).scan(reference, never);
    expect(scan).toMatchObject({
      ...{ imageId: id, reference, isRecognised: true, scanner: { name: 'trivy', version: '0.0.0-stand-in' } },
      findings: [{ id: 'CVE-0000-1001', severity: 'critical', package: 'leaky', installed: '1.0-1', fixedIn: '1.0-2' }],
    });
    expect(await store.last(id)).toEqual(scan);
    expect(await store.all()).toEqual([scan]);
    // The archive and the folder that it lay in are gone.
    expect(await readdir(store.folder)).toEqual([`${'ab'.repeat(32)}.json`]);
    expect((await stat(join(store.folder, `${'ab'.repeat(32)}.json`))).mode & 0o777).toBe(0o600);
  });

  it('starts the scanner in an empty folder, with nothing of the environment that is not for it', async () => {
    const PATH = await fake(`env >${folder}/env; ls -A >${folder}/ls; echo "$@" >>${folder}/args; ${clean}`);
    const wanted = { HOME: folder, TRIVY_CACHE_DIR: '/c', TRIVY_DISABLE_TELEMETRY: 'true' };
    const env = { ...wanted, TRIVY_SEVERITY: 'LOW', SECRET: 'x', DOCKER_HOST: 'unix:///x' };
    await scanner(
      engineWith(() => Readable.from(['x'])),
      PATH,
      env,
    ).scan(reference, never);
    const names = (await readFile(join(folder, 'env'), 'utf8')).split('\n').map((line) => line.split('=')[0]);
    expect(names).toEqual(expect.arrayContaining(['PATH', ...Object.keys(wanted)]));
    for (const name of ['TRIVY_SEVERITY', 'SECRET', 'DOCKER_HOST']) expect(names).not.toContain(name);
    expect(await readFile(join(folder, 'ls'), 'utf8')).toBe('');
    expect(await readFile(join(folder, 'args'), 'utf8')).toMatch(
      /^image --input \/\S+\/image\.tar --format json .* --list-all-pkgs /,
    );
  });

  it.each([
    // As trivy colours what goes to no terminal; and a bell.
    [
      'fails',
      'printf "\\033[31mFATAL\\033[0m no \\007database" >&2; exit 1',
      /ended with 1: FATAL no \\u\{7\}database$/,
    ],
    [
      'says much and then why',
      'for i in $(seq 300); do echo "INFO $i"; done >&2; echo no room >&2; exit 1',
      / no room$/,
    ],
    ['ends without a word', 'exit 1', /ended with 1 and said nothing$/],
    ['answers something else', 'echo hello', /not the document/],
    ['answers nothing', 'exit 0', /not the document/],
    ['floods', 'cat /dev/zero', /more than \d+ bytes/],
    ['is killed', 'kill -9 $$', /ended with a signal/],
  ])('says so when the scanner %s, and keeps nothing', async (_what, script, said) => {
    const scanning = scanner(
      engineWith(() => Readable.from(['x'])),
      await fake(script),
    ).scan(reference, never);
    await expect(scanning).rejects.toMatchObject({
      code: 'SCAN_FAILED',
      message: expect.stringMatching(said) as unknown,
    });
    expect(await store.last(id)).toBeUndefined();
    expect(await readdir(store.folder)).toEqual([]);
  });

  it('asks it how old its database is, and takes what it found where it does not say', async () => {
    const about = `echo '{"Version":"0.44.1","VulnerabilityDB":{"UpdatedAt":"2026-11-01T00:00:00Z"}}'`;
    const scanWith = async (script: string) =>
      await scanner(
        engineWith(() => Readable.from(['x'])),
        await fake(`case "$1" in --version) ${script};; *) ${clean};; esac`),
      ).scan(reference, never);
    expect(await scanWith(about)).toMatchObject({
      scanner: { version: '0.44.1' },
      databaseAtMs: Date.UTC(2026, 10, 1),
    });
    expect(await store.last(id)).toMatchObject({ databaseAtMs: Date.UTC(2026, 10, 1) });
    for (const silent of ['exit 1', 'echo no', `echo '{"Version":3}'`]) {
      expect(await scanWith(silent)).toMatchObject({ scanner: { name: 'trivy' }, isRecognised: true });
      expect(await store.last(id)).not.toHaveProperty('databaseAtMs');
    }
  });

  it('ends the scanner, and what it has started, when it is cancelled', async () => {
    const PATH = await fake(`sleep 600 & echo $! >${folder}/pid; wait`);
    const stop = new AbortController();
    const scanning = scanner(
      engineWith(() => Readable.from(['x'])),
      PATH,
    ).scan(reference, stop.signal);
    const pid = async () => (await readFile(join(folder, 'pid'), 'utf8').catch(() => '')).trim();
    while ((await pid()) === '') await sleep(5);
    stop.abort();
    await expect(scanning).rejects.toMatchObject({ code: 'INTERRUPTED' });
    while (existsSync(`/proc/${await pid()}`)) await sleep(5);
  });

  it('says that there is no such image, no scanner, no room, and an archive that is larger than it can be', async () => {
    const PATH = await fake(clean);
    await expect(
      scanner(
        engineWith(() => Readable.from([]), undefined),
        '/nowhere',
      ).scan(reference, never),
    ).rejects.toThrow(
      expect.objectContaining({ code: 'SCANNER_MISSING', hint: expect.stringContaining('trivy') as unknown }),
    );
    const missing = { inspectImage: () => Promise.resolve(undefined) } as unknown as Engine;
    await expect(scanner(missing, PATH).scan(reference, never)).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
    const huge = engineWith(() => Readable.from([]), { sizeBytes: 2 ** 60 });
    await expect(scanner(huge, PATH).scan(reference, never)).rejects.toThrow(/no room/);
    const piece = Buffer.alloc(64 * 1024 * 1024);
    const endless = engineWith(() => Readable.from([piece, piece, piece, piece, piece]));
    await expect(scanner(endless, PATH).scan(reference, never)).rejects.toThrow(/larger than/);
    const broken = engineWith(() => Readable.from(failing()));
    await expect(scanner(broken, PATH).scan(reference, never)).rejects.toMatchObject({ code: 'SCAN_FAILED' });
    expect(await readdir(store.folder)).toEqual([]);
  });

  it('removes what a killed scan has left, and nothing that another is at', async () => {
    const [left, current] = [join(store.folder, 'work-left'), join(store.folder, 'work-now')];
    for (const path of [left, current]) await mkdir(path, { recursive: true });
    await utimes(left, 0, 0);
    await scanner(
      engineWith(() => Readable.from(['x'])),
      await fake(clean),
    ).scan(reference, never);
    expect([existsSync(left), existsSync(current)]).toEqual([false, true]);
  });

  it('counts as none when what is kept is cut, of another image, or of another version', async () => {
    const path = join(store.folder, `${'ab'.repeat(32)}.json`);
    await scanner(
      engineWith(() => Readable.from(['x'])),
      await fake(clean),
    ).scan(reference, never);
    const text = await readFile(path, 'utf8');
    expect(await store.last(id)).toBeDefined();
    for (const bad of [
      text.slice(0, 100),
      '{}',
      text.replace('"version":1', '"version":2'),
      text.replace(id, 'other'),
    ]) {
      await writeFile(path, bad);
      expect(await store.last(id)).toBeUndefined();
    }
    await expect(store.last('../../x')).rejects.toMatchObject({ code: 'ENGINE_PROTOCOL' });
  });

  it('decides on a session by what was kept, where the site wants it to', async () => {
    const gate = scanGate({ store, clock: systemClock, rules });
    await expect(gate(reference, id)).rejects.toMatchObject({ code: 'POLICY_DENIED', ruleId: 'image.scan-missing' });
    const PATH = await installScanner(join(folder, 'bin'));
    const archive = await archiveOf(debian);
    await scanner(
      engineWith(() => Readable.from([archive])),
      PATH,
    ).scan(reference, never);
    await expect(gate(reference, id)).rejects.toMatchObject({ ruleId: 'image.scan-severity' });
    const warning = scanGate({ store, clock: systemClock, rules: { ...rules, scan: 'warn' } });
    expect(await warning(reference, id)).toEqual([expect.stringContaining('CVE-0000-1001')]);
    expect(await scanGate({ store, clock: systemClock, rules: { ...rules, scan: 'off' } })(reference, id)).toEqual([]);
  });

  it('tells whoever makes a session that what was found is not all there is to find', async () => {
    const PATH = await fake(
      `echo '{"SchemaVersion":2,"Metadata":{"OS":{"EOSL":true}},"Results":[{"Packages":[{"Name":"x"}]}]}'`,
    );
    await scanner(
      engineWith(() => Readable.from(['x'])),
      PATH,
    ).scan(reference, never);
    expect(await scanGate({ store, clock: systemClock, rules })(reference, id)).toEqual([
      expect.stringMatching(/repaired no more, or not known yet/),
    ]);
  });
});

async function* failing(): AsyncGenerator<Buffer> {
  yield Buffer.from('x');
  await Promise.resolve();
  throw new Error('other side closed');
}

describe('looking for scanners', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-test-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const names = async (env: Record<string, string>) =>
    (await installedScanners({ HOME: folder, ...env }, [])).map(({ scanner: { name } }) => name);

  it('finds docker scout only where docker has that plugin', async () => {
    const bin = join(folder, 'bin');
    for (const program of ['docker', 'snyk', 'grype']) await installProgram(bin, program, 'exit 0');
    expect(await names({ PATH: bin })).toEqual(['grype', 'snyk']);
    await installProgram(join(folder, '.docker/cli-plugins'), 'docker-scout', 'exit 0');
    expect(await names({ PATH: bin })).toEqual(['grype', 'docker-scout', 'snyk']);
    expect(await names({ PATH: bin, DOCKER_CONFIG: join(folder, 'other') })).toEqual(['grype', 'snyk']);
    expect((await findScanner({ PATH: bin, HOME: folder }, 'snyk')).program).toBe(join(bin, 'snyk'));
    await expect(findScanner({ PATH: bin, HOME: folder }, 'trivy')).rejects.toMatchObject({ code: 'SCANNER_MISSING' });
  });

  it('finds none in a project, in a folder, or in a file that is no program', async () => {
    const planted = join(folder, 'node_modules/.bin');
    await installProgram(planted, 'trivy', 'exit 0');
    await mkdir(join(folder, 'a/trivy'), { recursive: true });
    await mkdir(join(folder, 'b'));
    await writeFile(join(folder, 'b/trivy'), 'x', { mode: 0o644 });
    expect(await names({ PATH: `${planted}:${folder}/a:${folder}/b:relative` })).toEqual([]);
  });
});
