import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import { request } from 'node:http';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { type Pack, pack } from 'tar-stream';

/** What an image says of itself, in the words of the OCI image configuration. */
export interface ImageConfig {
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly User?: string;
  readonly Volumes?: Readonly<Record<string, Record<string, never>>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly Healthcheck?: { readonly Test: readonly string[]; readonly Interval?: number };
}

/** One image of one layer, as bytes. */
export interface MadeImage {
  readonly config: Buffer;
  readonly layer: Buffer;
}

/** Programs of this host that every image holds, with the libraries they need; `more` may name other files by their whole path. */
const programs = ['sh', 'cat', 'env', 'touch', 'sleep'];

async function bytesOf(tar: Pack): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A small root in which a shell runs; `padBytes` makes it as large as wanted. */
async function layerOf(
  files: Readonly<Record<string, string>>,
  padBytes: number,
  more: readonly string[],
): Promise<Buffer> {
  const tar = pack();
  const made = bytesOf(tar);
  const folders = ['bin', 'lib', 'lib64', 'etc', 'proc', 'sys', 'dev', 'srv', 'var', 'var/lib', 'var/lib/data'];
  for (const name of folders) tar.entry({ name, type: 'directory', mode: 0o755 });
  tar.entry({ name: 'tmp', type: 'directory', mode: 0o1777 });
  const place = (name: string) => (name.startsWith('/') ? name : `/usr/bin/${name}`);
  const wanted = new Map(
    [...programs, ...more].map((name) => [name.startsWith('/') ? name.slice(1) : `bin/${name}`, place(name)]),
  );
  for (const path of [...wanted.values()]) {
    const libraries = execFileSync('ldd', [path], { encoding: 'utf8' }).matchAll(/(\/[^\s()]+) \(0x/g);
    for (const [, library = ''] of libraries) wanted.set(library.slice(1), library);
  }
  // Both engines make a folder without an entry 0600, which nobody without capabilities can enter.
  const parents = new Set([...wanted.keys()].map((name) => dirname(name)).filter((name) => !folders.includes(name)));
  for (const name of parents) tar.entry({ name, type: 'directory', mode: 0o755 });
  for (const [name, path] of wanted) tar.entry({ name, mode: 0o755 }, await readFile(await realpath(path)));
  for (const [name, content] of Object.entries(files)) tar.entry({ name, mode: 0o755 }, content);
  if (padBytes > 0) tar.entry({ name: 'pad', mode: 0o644 }, Buffer.alloc(padBytes, 'paddock '));
  tar.finalize();
  return await made;
}

export async function makeImage(
  config: ImageConfig,
  files: Readonly<Record<string, string>> = {},
  padBytes = 0,
  more: readonly string[] = [],
): Promise<MadeImage> {
  const layer = await layerOf(files, padBytes, more);
  const rootfs = { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] };
  const history = [{ created: '2020-01-01T00:00:00Z', created_by: 'paddock test' }];
  const platform = { architecture: process.arch === 'x64' ? 'amd64' : process.arch, os: 'linux' };
  return {
    config: Buffer.from(JSON.stringify({ ...platform, created: history[0]?.created, config, rootfs, history })),
    layer,
  };
}

/** Loads an image into an engine under a name, by way of a `docker save` archive. */
export async function loadImage(socketPath: string, reference: string, image: MadeImage): Promise<void> {
  const tar = pack();
  const archive = bytesOf(tar);
  const name = `${sha256(image.config)}.json`;
  const Layers = [`${sha256(image.layer)}/layer.tar`];
  tar.entry({ name }, image.config);
  tar.entry({ name: Layers[0] ?? '' }, image.layer);
  tar.entry({ name: 'manifest.json' }, JSON.stringify([{ Config: name, RepoTags: [reference], Layers }]));
  tar.finalize();
  await post(socketPath, '/v1.41/images/load?quiet=1', Readable.from([await archive]));
}

/** Makes an image of a whole root in a plain tar file, as `podman import` does; on Podman only. */
export async function importImage(socketPath: string, reference: string, path: string): Promise<void> {
  const query = new URLSearchParams({ reference });
  await post(socketPath, `/v4.0.0/libpod/images/import?${query.toString()}`, createReadStream(path));
}

async function post(socketPath: string, path: string, body: Readable): Promise<void> {
  const said = await new Promise<string>((resolve, reject) => {
    const headers = { 'content-type': 'application/x-tar' };
    const call = request({ socketPath, method: 'POST', path, headers }, (reply) => {
      text(reply).then((words) => resolve(`${reply.statusCode} ${words}`), reject);
    });
    call.on('error', reject);
    body.on('error', reject).pipe(call);
  });
  if (!said.startsWith('200 ') || said.includes('"error"')) throw new Error(`${path}: ${said}`);
}

/** One answer of a registry. */
export interface RegistryAnswer {
  readonly type: string;
  readonly base64: string;
}

/** What a registry answers for one image with a tag (the OCI distribution API, the reading half of it), by path. */
export function registryAnswers(
  name: string,
  tag: string,
  image: MadeImage,
  annotations: Readonly<Record<string, string>> = {},
): Readonly<Record<string, RegistryAnswer>> {
  const layer = gzipSync(image.layer);
  const describe = (mediaType: string, bytes: Buffer) => ({
    mediaType,
    digest: `sha256:${sha256(bytes)}`,
    size: bytes.length,
  });
  const manifestType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: describe('application/vnd.oci.image.config.v1+json', image.config),
      layers: [describe('application/vnd.oci.image.layer.v1.tar+gzip', layer)],
      annotations,
    }),
  );
  const answer = (type: string, bytes: Buffer) => ({ type, base64: bytes.toString('base64') });
  const blob = (bytes: Buffer) =>
    [`/v2/${name}/blobs/sha256:${sha256(bytes)}`, answer('application/octet-stream', bytes)] as const;
  return {
    '/v2/': answer('application/json', Buffer.from('{}')),
    [`/v2/${name}/manifests/${tag}`]: answer(manifestType, manifest),
    [`/v2/${name}/manifests/sha256:${sha256(manifest)}`]: answer(manifestType, manifest),
    ...Object.fromEntries([blob(image.config), blob(layer)]),
  };
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
