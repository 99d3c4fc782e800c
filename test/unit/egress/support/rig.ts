import { createServer, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { EgressRefusal } from '../../../../src/core/egress.js';
import { egressPorts } from '../../../../src/core/egress.js';
import type { EgressConnection } from '../../../../src/egress/door.js';
import { type Egress, type EgressOptions, openEgress } from '../../../../src/egress/egress.js';
import { systemClock } from '../../../../src/kit/clock.js';

/** How the connections from inside are made: sockets, or streams that behave as those of a channel do. */
export type Kind = 'socket' | 'channel';
export const kinds: readonly Kind[] = ['socket', 'channel'];

export interface Rig extends AsyncDisposable {
  readonly egress: Egress;
  readonly httpPort: number;
  readonly socksPort: number;
  readonly told: EgressRefusal[];
  readonly connects: EgressConnection[];
  /** Names that were looked up. */
  readonly looked: string[];
}

export interface RigOptions extends Partial<Omit<EgressOptions, 'spec' | 'listen'>> {
  readonly allow?: readonly string[];
  readonly spec?: Partial<EgressOptions['spec']>;
  readonly kind?: Kind;
  /** What names resolve to; each look-up takes the first of the lists, and the last one stays. */
  readonly names?: Readonly<Record<string, string[][]>>;
}

export const names = {
  'allowed.test': [['127.0.0.1']],
  'www.allowed.test': [['127.0.0.1']],
  'evil.test': [['127.0.0.1']],
};

export async function openRig(options: RigOptions = {}): Promise<Rig> {
  const { allow = [], spec, kind = 'socket', names: given, ...more } = options;
  const ports = new Map<number, number>();
  const [told, connects, looked]: [EgressRefusal[], EgressConnection[], string[]] = [[], [], []];
  const egress = await openEgress({
    listen: async (port, onConnection) => {
      const listener = await listenOn(0, (socket) =>
        onConnection(kind === 'socket' ? socket : new ChannelLike(socket)),
      );
      ports.set(port, listener.port);
      return { [Symbol.dispose]: () => void listener.server.close() };
    },
    spec: { allow, connections: 200, bytes: 2 ** 40, bytesPerSecond: 2 ** 40, ...spec },
    clock: systemClock,
    lookup: answering({ ...names, ...given }, looked),
    onRefusal: (refusal) => told.push(refusal),
    onConnect: (connection) => connects.push(connection),
    ...more,
  });
  const [httpPort, socksPort] = [ports.get(egressPorts.http)!, ports.get(egressPorts.socks)!];
  return {
    egress,
    httpPort,
    socksPort,
    told,
    connects,
    looked,
    [Symbol.asyncDispose]: () => egress[Symbol.asyncDispose](),
  };
}

function answering(table: Readonly<Record<string, string[][]>>, looked: string[]): (name: string) => Promise<string[]> {
  const left = new Map(Object.entries(table).map(([name, answers]) => [name, [...answers]]));
  return (name) => {
    looked.push(name);
    const answers = left.get(name);
    const answer = answers !== undefined && answers.length > 1 ? answers.shift() : answers?.[0];
    return answer
      ? Promise.resolve(answer)
      : Promise.reject(Object.assign(new Error('no name'), { code: 'ENOTFOUND' }));
  };
}

/** A host under test of our own: rules that let any loopback address be reached on that port. */
export const loopback = (port: number, scheme = ''): readonly string[] => [
  `${scheme}127.0.0.0/8:${port}`,
  `${scheme}[::1]:${port}`,
];

export interface Listening extends AsyncDisposable {
  readonly server: Server;
  readonly port: number;
  /** Open now. */
  readonly sockets: ReadonlySet<Socket>;
  /** Ever. */
  readonly accepted: number;
}

export async function listenOn(
  port: number,
  onSocket: (socket: Socket) => void,
  host = '127.0.0.1',
): Promise<Listening> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  const address = server.address();
  return {
    ...{ server, sockets, port: typeof address === 'object' ? (address?.port ?? 0) : 0 },
    get accepted() {
      return accepted;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** As the connections of a channel: no socket, one chunk at a time, destroyed without an error, and a destroyed one is a reset. */
class ChannelLike extends Duplex {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super({ readableHighWaterMark: 1, allowHalfOpen: true });
    this.#socket = socket;
    socket.on('data', (chunk) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('error', () => undefined);
    socket.on('close', () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, () => done());
  }

  override _final(done: () => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(_error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#socket.destroyed) {
      if (this.readableEnded && this.writableFinished) this.#socket.destroy();
      else this.#socket.resetAndDestroy();
    }
    done(null);
  }
}
