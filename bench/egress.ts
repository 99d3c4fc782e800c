import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { egressPorts } from '../src/core/egress.js';
import { openEgress } from '../src/egress/egress.js';
import { systemClock } from '../src/kit/clock.js';
import { Disposables } from '../src/kit/disposables.js';
import { engineKinds } from '../test/engine/support/engines.js';
import { run, Stage } from '../test/engine/support/stage.js';
import { quiet } from './quiet.js';
import { percentile } from './statistics.js';

/**
 * npm run bench:egress [ROUNDS] [--sandbox] -- 100 connections at once, of which each reads a few MiB: through the HTTP proxy of the ways out,
 * and through a relay that does nothing but pipe, in turn. The client (Python) and the server are processes of their own. With --sandbox
 * the client is inside a sandbox of every engine that answers, and both come to it through the channel (`npm run build` before).
 */
const connections = 100;
const mib = 1024 * 1024;
const program = readFileSync(fileURLToPath(new URL('egress-client.py', import.meta.url)), 'utf8');

type Listen = (port: number, onConnection: (connection: Duplex) => void) => Promise<Disposable>;

/** Where the client is. */
interface Place {
  readonly listen: Listen;
  /** The client's ports by those that were listened on. */
  readonly portOf: (port: number) => number;
  /** Runs the program; what it prints. */
  readonly client: (args: readonly string[]) => Promise<string>;
  readonly bytesEach: number;
}

interface Way {
  readonly what: string;
  readonly port: number;
  readonly first: Buffer;
  readonly second: Buffer;
}

const relayPort = 7001;

async function measure(place: Place, rounds: number): Promise<void> {
  await using outside = await Outside.start(place.bytesEach);
  await using open = new Disposables();
  const relayed = await place.listen(relayPort, (inside) => relay(inside, outside.port));
  open.defer(() => relayed[Symbol.dispose]());
  const egress = await openEgress({
    listen: place.listen,
    spec: { allow: rulesFor(outside.port), connections: 2 * connections, bytes: 2 ** 50, bytesPerSecond: 2 ** 40 },
    clock: systemClock,
    lookup: () => Promise.resolve(['127.0.0.1']),
    onRefusal: (refusal) => console.error(refusal),
  });
  open.defer(() => egress[Symbol.asyncDispose]());
  const ways = await waysTo(outside.port);
  const samples = new Map(ways.map(({ what }) => [what, { rates: [] as number[], cpuMs: [] as number[] }]));
  for (let round = -1; round < rounds; round += 1) {
    for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
      await quiet();
      const sample = await oneRound(place, way);
      // The first is for whatever is loaded and compiled.
      if (round < 0) continue;
      samples.get(way.what)?.rates.push(sample.mibPerSecond);
      samples.get(way.what)?.cpuMs.push(sample.cpuMsPerMib);
    }
  }
  const base = percentile(samples.get('relay')?.rates ?? [], 50);
  console.log('| way | MiB/s | of the relay | CPU of this process, ms/MiB |\n|---|---|---|---|');
  for (const [what, { rates, cpuMs }] of samples) {
    const rate = percentile(rates, 50);
    console.log(
      `| ${what} | ${Math.round(rate)} | ${(rate / base).toFixed(2)} | ${percentile(cpuMs, 50).toFixed(2)} |`,
    );
  }
}

async function oneRound(
  place: Place,
  way: Way,
): Promise<{ readonly mibPerSecond: number; readonly cpuMsPerMib: number }> {
  const before = process.cpuUsage();
  const args = [place.portOf(way.port), way.first.toString('base64'), way.second.toString('base64')];
  const said = await place.client([...args, connections, place.bytesEach].map(String));
  const { user, system } = process.cpuUsage(before);
  const [seconds = Number.NaN, bytes = Number.NaN] = said.trim().split(' ').map(Number);
  return { mibPerSecond: bytes / mib / seconds, cpuMsPerMib: (user + system) / 1000 / (bytes / mib) };
}

function rulesFor(port: number): readonly string[] {
  const schemes = { plain: 'tcp', secure: 'https', page: 'http' };
  const names = Object.entries(schemes).map(([name, scheme]) => `${scheme}://${name}.test:${port}`);
  return [...names, ...Object.values(schemes).map((scheme) => `${scheme}://127.0.0.0/8:${port}`)];
}

async function waysTo(port: number): Promise<readonly Way[]> {
  const http = egressPorts.http;
  const nothing = Buffer.alloc(0);
  const tunnelTo = (name: string) => Buffer.from(`CONNECT ${name}:${port} HTTP/1.1\r\nHost: ${name}:${port}\r\n\r\n`);
  const page = Buffer.from(
    `GET http://page.test:${port}/ HTTP/1.1\r\nHost: page.test:${port}\r\nConnection: close\r\n\r\n`,
  );
  return [
    { what: 'relay', port: relayPort, first: Buffer.from('go'), second: nothing },
    { what: 'tunnel, tcp', port: http, first: tunnelTo('plain.test'), second: Buffer.from('go') },
    { what: 'tunnel, https', port: http, first: tunnelTo('secure.test'), second: await helloFor('secure.test') },
    { what: 'page by http', port: http, first: page, second: nothing },
  ];
}

/** What there would be without anything that decides. */
function relay(inside: Duplex, port: number): void {
  const outside = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  for (const [from, to] of [
    [inside, outside],
    [outside, inside],
  ] as const) {
    from.on('error', () => to.destroy());
    from.pipe(to);
  }
}

/** What Node's TLS sends first. */
async function helloFor(servername: string): Promise<Buffer> {
  const server = createServer();
  const port = await listening(server);
  const client = tlsConnect({ port, host: '127.0.0.1', servername }).on('error', () => undefined);
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [hello] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  server.close();
  return hello;
}

class Outside implements AsyncDisposable {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(bytes: number): Promise<Outside> {
    const child = fork(fileURLToPath(new URL('egress-server.ts', import.meta.url)), [String(bytes)]);
    const [{ port }] = (await once(child, 'message')) as [AddressInfo];
    return new Outside(child, port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.disconnect();
    await gone;
  }
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function overLoopback(rounds: number): Promise<void> {
  const ports = new Map<number, number>();
  const listen: Listen = async (port, onConnection) => {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, onConnection);
    ports.set(port, await listening(server));
    return { [Symbol.dispose]: () => void server.close() };
  };
  const client = async (args: readonly string[]) =>
    (await promisify(execFile)('python3', ['-I', '-c', program, ...args])).stdout;
  console.log(`\n${connections} connections over loopback\n`);
  await measure({ listen, client, portOf: (port) => ports.get(port) ?? 0, bytesEach: 8 * mib }, rounds);
}

async function throughSandboxes(rounds: number): Promise<void> {
  for (const kind of engineKinds) {
    await using stage = await Stage.open(kind);
    const session = await stage.create({ memory: '512m' });
    const listen = session.sandbox.listen;
    if (listen === undefined) throw new Error('the sandbox has no channel');
    const client = async (args: readonly string[]) => {
      const { exitCode, stdout, stderr } = await run(session, ['python3', '-I', '-c', program, ...args]);
      if (exitCode !== 0) throw new Error(stderr.text);
      return stdout.text;
    };
    console.log(`\n${connections} connections through the channel of a sandbox of ${kind}\n`);
    await measure({ listen, client, portOf: (port) => port, bytesEach: 2 * mib }, rounds);
  }
}

const rounds = Number(process.argv.slice(2).find((word) => word !== '--sandbox') ?? 5);
if (process.argv.includes('--sandbox')) await throughSandboxes(rounds);
else await overLoopback(rounds);
