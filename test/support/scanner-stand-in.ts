// A scanner for tests, called like trivy and answering as it does. It really reads the image that it is given: the package database of a
// Debian or an Alpine in the layers of a `docker save` archive, and the few holes that it knows are in packages that nobody has.
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';

const holes: readonly { package: string; version: string; id: string; severity: string; fixed?: string }[] = [
  { package: 'leaky', version: '1.0-1', id: 'CVE-0000-1001', severity: 'CRITICAL', fixed: '1.0-2' },
  { package: 'drafty', version: '2.0-r0', id: 'CVE-0000-1002', severity: 'LOW' },
];

const wanted = ['etc/os-release', 'var/lib/dpkg/status', 'lib/apk/db/installed'];

async function entries(tar: Readable): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for await (const entry of tar.pipe(extract())) {
    const name = entry.header.name.replace(/^\.?\//, '');
    found.set(name, await buffer(entry));
  }
  return found;
}

async function filesOf(archive: string): Promise<Map<string, string>> {
  const outer = await entries(createReadStream(archive));
  const manifest = JSON.parse(outer.get('manifest.json')?.toString() ?? '[]') as { Layers: string[] }[];
  const files = new Map<string, string>();
  for (const name of manifest[0]?.Layers ?? []) {
    const packed = outer.get(name) ?? Buffer.alloc(0);
    const layer = packed[0] === 0x1f ? gunzipSync(packed) : packed;
    for (const [path, content] of await entries(Readable.from([layer]))) {
      if (wanted.includes(path)) files.set(path, content.toString());
    }
  }
  return files;
}

function packagesOf(files: Map<string, string>): { name: string; version: string }[] {
  const dpkg = (files.get('var/lib/dpkg/status') ?? '').split('\n\n');
  const apk = (files.get('lib/apk/db/installed') ?? '').split('\n\n');
  const field = (text: string, name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(text)?.[1] ?? '';
  return [
    ...dpkg.map((text) => ({ name: field(text, 'Package'), version: field(text, 'Version') })),
    ...apk.map((text) => ({ name: field(text, 'P'), version: field(text, 'V') })),
  ].filter(({ name }) => name !== '');
}

const version = '0.0.0-stand-in';
if (process.argv.includes('--version')) {
  process.stdout.write(JSON.stringify({ Version: version, VulnerabilityDB: { UpdatedAt: new Date() } }));
  process.exit();
}
const archive = process.argv[process.argv.indexOf('--input') + 1] ?? '';
const files = await filesOf(archive);
const packages = packagesOf(files);
const family = /^ID=(\w+)$/m.exec(files.get('etc/os-release') ?? '')?.[1] ?? 'none';
const found = holes.filter((hole) => packages.some((one) => one.name === hole.package && one.version === hole.version));
const answer = {
  SchemaVersion: 2,
  Trivy: { Version: version },
  ArtifactName: archive,
  ArtifactType: 'container_image',
  Metadata: { OS: { Family: family, Name: '' } },
  ...(packages.length === 0
    ? {}
    : {
        Results: [
          {
            Target: `${archive} (${family})`,
            Class: 'os-pkgs',
            Type: family,
            Packages: packages.map(({ name, version }) => ({ Name: name, Version: version })),
            Vulnerabilities: found.map((hole) => ({
              VulnerabilityID: hole.id,
              PkgName: hole.package,
              InstalledVersion: hole.version,
              ...(hole.fixed === undefined ? {} : { FixedVersion: hole.fixed }),
              Severity: hole.severity,
            })),
          },
        ],
      }),
};
process.stdout.write(JSON.stringify(answer));
