import { randomInt } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { document, finished, paddock, startPaddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { engineKinds, engineSockets, openTestEngine, uniqueName } from '../engine/support/engines.js';
import { loadImage, makeImage } from '../engine/support/image-archive.js';
import { installScanner } from '../support/install-scanner.js';

const programs = ['chmod', 'chown', 'find', 'grep', 'ln', 'mkdir', 'mktemp', 'rm'];
const tools = Object.fromEntries(['git', 'rg', 'python3', 'make', 'cc'].map((name) => [`bin/${name}`, '#!/bin/sh\n']));

/** A user who is their own site, with these lines under [policy]. */
function settings(place: Place, policy: string): Readonly<Record<string, string>> {
  const folder = join(place.root, 'config/paddock');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, 'config.toml'), `[policy]\n${policy}\n`, { mode: 0o600 });
  return { XDG_CONFIG_HOME: join(place.root, 'config') };
}

/** Docker ends it too, and may be faster. */
function endIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Processes that were started with this word. */
function processesWith(word: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && commandLine(name).includes(word))
    .map(Number);
}

function commandLine(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

describe.each(engineKinds)('paddock image on a real rootless %s', (kind) => {
  it('builds an image, shows how on stderr, lists it, runs in it, and writes both into the audit log', async () => {
    await using place = await Place.make(kind);
    const base = `localhost/${uniqueName('paddock-test')}:base`;
    const tag = `localhost/${uniqueName('paddock-test')}:built`;
    const env = settings(place, 'images = ["localhost/*"]');
    await using engine = await openTestEngine(kind);
    await loadImage(engineSockets[kind], base, await makeImage({ Env: ['PATH=/bin'] }, tools, 0, programs));
    try {
      const built = await paddock(place, ['image', 'build', '--base', base, '--tag', tag, '--json'], { env });
      expect([built.status, built.stderr]).toEqual([0, expect.stringMatching(/^STEP |^Step /m)]);
      expect(document(built)).toMatchObject({ reference: tag, agents: [], sizeBytes: expect.any(Number) as unknown });
      const { images } = document(await paddock(place, ['image', 'list', '--json'], { env }));
      expect(images).toContainEqual(expect.objectContaining({ reference: tag, id: document(built)['id'] }));
      const words = ['run', '--image', tag, '--workspace', 'none', '--', 'sh', '-c', 'cat /etc/passwd'];
      expect((await paddock(place, words, { env })).stdout.toString()).toContain('agent:x:1000:');
      const lines = (await place.audit()).filter(({ action }) => action === 'image.build');
      expect(lines.map(({ phase, result }) => [phase, result])).toEqual([
        ['intent', undefined],
        ['outcome', 'ok'],
      ]);
    } finally {
      for (const name of [tag, base]) await engine.removeImage(name);
      await engine.pruneImages('dev.paddock.image');
    }
  });

  it('has an image scanned, and no session is made of it before, nor after where too much was found', async () => {
    await using place = await Place.make(kind);
    const reference = `localhost/${uniqueName('paddock-test')}:1`;
    const rules = 'images = { allow = ["localhost/*"], scan = "require", max_severity = "medium" }';
    const env = { ...settings(place, rules), PATH: await installScanner(join(place.root, 'scanner')) };
    const run = async () =>
      await paddock(place, ['run', '--image', reference, '--workspace', 'none', '--', '/bin/true'], { env });
    await using engine = await openTestEngine(kind);
    const packages = 'Package: leaky\nStatus: install ok installed\nVersion: 1.0-1\n';
    const files = { 'etc/os-release': 'ID=debian\n', 'var/lib/dpkg/status': packages };
    await loadImage(engineSockets[kind], reference, await makeImage({ Env: ['PATH=/bin'] }, files, 0, ['true']));
    try {
      expect(await run()).toMatchObject({
        status: 125,
        stderr: expect.stringContaining('image.scan-missing') as unknown,
      });
      const scanned = await paddock(place, ['image', 'scan', reference, '--json'], { env });
      expect([scanned.status, document(scanned)]).toMatchObject([
        3,
        { findings: [{ id: 'CVE-0000-1001', severity: 'critical' }], policy: { ruleId: 'image.scan-severity' } },
      ]);
      expect(await run()).toMatchObject({ status: 125, stderr: expect.stringContaining('CVE-0000-1001') as unknown });
      settings(place, rules.replace('require', 'warn'));
      expect(await run()).toMatchObject({ status: 0, stderr: expect.stringContaining('CVE-0000-1001') as unknown });
      const lines = (await place.audit()).filter(({ action }) => action === 'image.scan');
      expect(lines.map(({ phase, result }) => [phase, result])).toEqual([
        ['intent', undefined],
        ['outcome', 'ok'],
      ]);
    } finally {
      await engine.removeImage(reference);
    }
  });

  it('ends at once when it is told to', async () => {
    await using place = await Place.make(kind);
    const base = `localhost/${uniqueName('paddock-test')}:base`;
    const env = settings(place, 'images = ["localhost/*"]');
    await using engine = await openTestEngine(kind);
    // Told from every other process by how long it takes.
    const seconds = `600.${randomInt(1e9)}`;
    const slow = { ...tools, 'bin/find': `#!/bin/sh\necho waiting-here\nexec sleep ${seconds}\n` };
    const others = programs.filter((name) => name !== 'find');
    await loadImage(engineSockets[kind], base, await makeImage({ Env: ['PATH=/bin'] }, slow, 0, others));
    try {
      const child = startPaddock(place, ['image', 'build', '--base', base], { env });
      const end = finished(child);
      let said = '';
      const onPiece = (piece: Buffer) => {
        said += piece.toString();
        if (!said.includes('waiting-here')) return;
        // Once: a second signal may find it ending, without a handler.
        child.stderr?.off('data', onPiece);
        child.kill('SIGINT');
      };
      child.stderr?.on('data', onPiece);
      expect(await end).toMatchObject({ status: 130 });
    } finally {
      // Podman would let the step come to its end, and until then the base is in use.
      for (const pid of processesWith(seconds)) endIfThere(pid);
      const isRemoved = async () => (await engine.removeImage(base).catch(() => undefined)) !== undefined;
      for (let tries = 0; tries < 200 && !(await isRemoved()); tries += 1) await sleep(100);
      await engine.pruneImages('dev.paddock.image');
    }
  });
});

describe('paddock image', () => {
  const refused = async (words: readonly string[], policy = 'images = ["localhost/*"]') => {
    await using place = await Place.make('podman');
    const result = await paddock(place, ['image', ...words, '--json'], { env: settings(place, policy) });
    return { status: result.status, ...(document(result)['error'] as Record<string, unknown>) };
  };
  const base = ['--base', 'localhost/no-such-image:1'];

  it.each([
    [['build'], 'BAD_ARGUMENT'],
    [['sell'], 'BAD_ARGUMENT'],
    [['list', '--agent', 'claude'], 'BAD_ARGUMENT'],
    [['build', ...base, '--agent', 'hal'], 'BAD_ARGUMENT'],
    [['build', ...base, '--network', 'host'], 'BAD_ARGUMENT'],
    [['build', ...base, '--target', 'moon'], 'BAD_ARGUMENT'],
    [['build', ...base], 'IMAGE_NOT_FOUND'],
    [['build', ...base, '--last'], 'BAD_ARGUMENT'],
    [['list', 'localhost/x:1'], 'BAD_ARGUMENT'],
    [['scan'], 'BAD_ARGUMENT'],
    [['scan', 'localhost/x:1', '--scanner', 'virusscan'], 'BAD_ARGUMENT'],
    [['scan', 'node:22'], 'POLICY_DENIED'],
    [['scan', 'localhost/no-such-image:1', '--last'], 'IMAGE_NOT_FOUND'],
  ])('%j is refused with what to do', async (words, code) => {
    expect(await refused(words)).toMatchObject({ code, next: expect.stringMatching(/.{20}/) as unknown });
  });

  it('builds on nothing that the site does not list, and with a network only where it allows pulling', async () => {
    expect(await refused(['build', ...base], 'pull = true')).toMatchObject({
      status: 3,
      info: { ruleId: 'image.not-allowed' },
    });
    const networked = await refused(['build', ...base, '--network', 'engine']);
    expect(networked).toMatchObject({ status: 3, info: { ruleId: 'image.build-network' } });
  });
});
