import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Engine, EngineKind } from '../src/engine/types.js';
import { systemClock } from '../src/kit/clock.js';
import { mostOfTransfer } from '../src/sandbox/files/transfer-bounds.js';
import { SessionFiles } from '../src/session/files.js';
import type { Session } from '../src/session/session.js';
import { SessionTransfers } from '../src/session/transfers/session-transfers.js';
import { engineKinds, openTestEngine } from '../test/engine/support/engines.js';
import { Stage } from '../test/engine/support/stage.js';
import { BareEngine } from './bare.js';
import { freshContainer } from './rounds.js';
import { percentile, type Samples, tenths, timed } from './statistics.js';
import { newWatch, watched } from './watched-engine.js';

/**
 * npm run bench:transfers [ROUNDS] -- the same trees into a sandbox and out of it, by Paddock and by `podman cp` or `docker cp`, in turn.
 * Ours go into a copy-on-write workspace of a session of this process, theirs into the writable root of a container of their own. Beside them what the
 * machine takes for the same bytes on the same disk without any sandbox: `cp -r`, and one tar that hands them to another by a pipe.
 */
interface Tree {
  readonly what: string;
  readonly folders: number;
  readonly filesEach: number;
  readonly fileBytes: number;
}

const trees: readonly Tree[] = [
  { what: '16 files of 16 MiB', folders: 1, filesEach: 16, fileBytes: 16 * 1024 ** 2 },
  { what: '2,000 files of 4 KiB', folders: 40, filesEach: 50, fileBytes: 4096 },
  { what: '20 files of 4 KiB', folders: 1, filesEach: 20, fileBytes: 4096 },
];
type Four = [number, number, number, number];
const smallBytes = 64 * 1024;
const run = promisify(execFile);
const signal = new AbortController().signal;

interface Sides {
  readonly engine: Engine;
  readonly session: Session;
  readonly transfers: SessionTransfers;
  readonly bareId: string;
  readonly folder: string;
}

/** Durations without a sandbox, in milliseconds. */
interface Floors {
  readonly cp: number[];
  readonly piped: number[];
}

interface Round extends Sides {
  /** What the copy is called. */
  readonly copy: string;
}

async function measure(kind: EngineKind, rounds: number): Promise<void> {
  const engine = await openTestEngine(kind);
  const watch = newWatch();
  await using stage = await Stage.open(kind, { engine: watched(engine, watch) });
  await using bare = new BareEngine(engine.identity);
  const session = await stage.create({ projectPath: await stage.project(), workspace: 'cow', memory: '512m' });
  const plain = await stage.create({ workspace: 'none', memory: '512m' });
  const [name, body] = freshContainer(watch);
  const bareId = await bare.create(name, withWritableRoot(body));
  await stage.sessions.destroy(plain.id);
  const transfers = new SessionTransfers({
    ...{ audit: stage.audit, clock: systemClock, judgement: undefined, withhold: [], bounds: mostOfTransfer },
  });
  const sides = { engine, session, transfers, bareId, folder: stage.folder };
  mkdirSync(join(stage.folder, 'got'));
  console.log(
    `\n${kind} ${engine.identity.version}\n\n| tree | way | Paddock p50 ms | ${kind} cp p50 ms | times as fast | cp -r ms | tar to tar ms | of that |\n|---|---|---|---|---|---|---|---|`,
  );
  for (const tree of trees) await measureTree(sides, tree, rounds);
}

async function measureTree(sides: Sides, tree: Tree, rounds: number): Promise<void> {
  const source = join(sides.folder, 'tree');
  plant(source, tree);
  const [into, out]: [Samples, Samples] = [
    { paddock: [], bare: [] },
    { paddock: [], bare: [] },
  ];
  const floors: Floors = { cp: [], piped: [] };
  for (let round = -1; round < rounds; round += 1) {
    const both = [
      () => ours({ ...sides, copy: `copy-${tree.folders}-${round + 1}` }, source, into, out),
      () => theirs({ ...sides, copy: `copy-${tree.folders}-${tree.fileBytes}-${round + 1}` }, source, into, out),
      () => plainly(source, join(sides.folder, 'got', `plain-${tree.folders}-${tree.fileBytes}-${round + 1}`), floors),
    ];
    for (const one of round % 2 === 0 ? both : both.reverse()) await one();
    // The first is for whatever is loaded and compiled.
    if (round < 0) for (const { paddock, bare } of [into, out]) paddock.length = bare.length = 0;
    if (round < 0) floors.cp.length = floors.piped.length = 0;
    if (tree.fileBytes > smallBytes) await clear(sides);
  }
  await clear(sides);
  for (const [way, { paddock, bare }] of [
    ['in', into],
    ['out', out],
  ] as const) {
    const [mine, other, cp, piped] = [paddock, bare, floors.cp, floors.piped].map((all) => percentile(all, 50)) as Four;
    const row = [tree.what, way, tenths(mine), tenths(other), tenths(other / mine), tenths(cp), tenths(piped)];
    console.log(`| ${[...row, tenths(mine / piped)].join(' | ')} |`);
  }
  rmSync(source, { recursive: true });
}

async function ours(
  { session, transfers, folder, copy }: Round,
  source: string,
  into: Samples,
  out: Samples,
): Promise<void> {
  const subject = { sessionId: session.id, run: new SessionFiles(session).run };
  const got = join(folder, 'got', `ours-${copy}`);
  const request = { path: copy, overwrite: false, named: [] };
  const sent = await timed(into.paddock, () => transfers.in(subject, { ...request, hostPath: source }, { signal }));
  const back = await timed(out.paddock, () => transfers.out(subject, { ...request, hostPath: got }, { signal }));
  if (sent.sha256 !== back.sha256) throw new Error('what came back is not what went in');
}

async function inSession(session: Session, line: string): Promise<void> {
  const limits = { timeoutMs: 60_000, outputCapBytes: 4096, outputLimitBytes: 65_536 };
  const entry = await session.start({ argv: ['/bin/sh', '-c', line], ...limits });
  await entry.settled;
}

async function theirs(
  { engine, bareId, folder, copy }: Round,
  source: string,
  into: Samples,
  out: Samples,
): Promise<void> {
  const { kind, socketPath } = engine.identity;
  const cli = (...args: string[]) =>
    kind === 'podman' ? run('podman', args) : run('docker', ['--host', `unix://${socketPath}`, ...args]);
  const got = join(folder, 'got', `theirs-${copy}`);
  await timed(into.bare, () => cli('cp', source, `${bareId}:/${copy}`));
  await timed(out.bare, () => cli('cp', `${bareId}:/${copy}`, got));
}

/** What nothing that copies them can do without: reading and writing them, and handing them from one process to another. */
async function plainly(source: string, got: string, { cp, piped }: Floors): Promise<void> {
  mkdirSync(got);
  await timed(cp, () => run('cp', ['-r', source, join(got, 'cp')]));
  mkdirSync(join(got, 'tar'));
  const line = 'tar -C "$1" -cf - . | tar -C "$2" -xf -';
  await timed(piped, () => run('/bin/sh', ['-c', line, 'sh', source, join(got, 'tar')]));
}

/** Not after each round of a tree of many files: ext4 looks at every inode that was freed in the last minutes before it takes another. */
async function clear({ session, folder }: Sides): Promise<void> {
  await inSession(session, 'rm -r copy-*');
  rmSync(join(folder, 'got'), { recursive: true });
  mkdirSync(join(folder, 'got'));
}

function plant(folder: string, { folders, filesEach, fileBytes }: Tree): void {
  const bytes = Buffer.from(Array.from({ length: fileBytes }, (_, i) => (i * 31) % 251));
  for (let at = 0; at < folders; at += 1) {
    mkdirSync(join(folder, `folder${at}`), { recursive: true });
    for (let file = 0; file < filesEach; file += 1) writeFileSync(join(folder, `folder${at}/file${file}`), bytes);
  }
}

function withWritableRoot(body: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { HostConfig } = body;
  if (typeof HostConfig !== 'object') return { ...body, read_only_filesystem: false };
  return { ...body, HostConfig: { ...HostConfig, ReadonlyRootfs: false } };
}

for (const kind of engineKinds) await measure(kind, Number(process.argv[2] ?? 5));
