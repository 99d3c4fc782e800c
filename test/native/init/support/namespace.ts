import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { boottimeMs } from './compiled.js';
import { from, hello, Peer } from './peer.js';

const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants;
const unshare = ['--user', '--map-root-user', '--pid', '--fork', '--kill-child', '--mount'];

/** Some distributions let no user make a namespace. */
export const namespacesWork = spawnSync('unshare', [...unshare, 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;

// A root of its own, since the pipes lie in a fixed place: this machine's programs, the pipes, and maybe /proc.
const script = `set -e
  root=$1 io=$2 proc=$3; shift 3
  mount -t tmpfs none "$root"
  for name in bin sbin lib lib32 lib64 libx32 usr etc dev; do
    if [ -L "/$name" ]; then cp -P "/$name" "$root"
    elif [ -d "/$name" ]; then mkdir "$root/$name"; mount --rbind "/$name" "$root/$name"; fi
  done
  mkdir -p "$root/proc" "$root/tmp" "$root/.paddock/io"
  [ "$proc" = no ] || mount -t proc none "$root/proc"
  mount --bind "$io" "$root/.paddock/io"
  cp "$1" "$root/init"; shift
  # As in a sandbox: without a capability nobody sees into a process that is not dumpable.
  exec env -i "$(command -v chroot)" "$root" /usr/bin/setpriv --bounding-set=-all --inh-caps=-all --no-new-privs \\
    /init "$@"`;

/** paddock-init as process 1 of a pid namespace, with the channel on its pipes: a sandbox without an engine. */
export class NamespacedInit implements Disposable {
  readonly ended: Promise<number | null>;
  private readonly folder = mkdtempSync(join(tmpdir(), 'paddock-ns-'));
  private readonly child: ChildProcess;
  private placeholders: number[];
  private readonly peers: Peer[] = [];

  constructor(program: string, options: { readonly detached?: boolean; readonly proc?: boolean } = {}) {
    const [root, io] = [join(this.folder, 'root'), join(this.folder, 'io')];
    for (const folder of [root, io]) mkdirSync(folder);
    execFileSync(program, ['--mkfifo', io]);
    // Read ends first: a write end can't be opened without one.
    this.placeholders = [openSync(join(io, 'in'), O_RDONLY | O_NONBLOCK), this.open('out', O_RDONLY)];
    this.placeholders.push(openSync(join(io, 'out'), O_WRONLY | O_NONBLOCK), this.open('in', O_WRONLY));
    const deadline = ['--deadline-boottime-ms', String(boottimeMs() + 60_000), '--channel', 'fifo'];
    const more = options.detached === true ? ['--detached'] : [];
    const given = [root, io, options.proc === false ? 'no' : 'yes', program, ...deadline, ...more];
    const args = [...unshare, 'sh', '-c', script, 'sh', ...given];
    this.child = spawn('unshare', args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    });
    this.ended = once(this.child, 'exit').then(([code]) => code as number | null);
  }

  private open(name: string, flags: number): number {
    return openSync(join(this.folder, 'io', name), flags | O_NONBLOCK);
  }

  /** A holder that has not said anything yet. */
  connect(nonce: Buffer): Peer {
    const input = new Socket({ fd: this.open('out', O_RDONLY), writable: false });
    const output = new Socket({ fd: this.open('in', O_WRONLY), readable: false });
    const peer = new Peer(input, output, nonce);
    this.peers.push(peer);
    return peer;
  }

  async greeted(nonce = Buffer.from('0123456789abcdef')): Promise<Peer> {
    const peer = this.connect(nonce);
    peer.raw(hello(nonce));
    await peer.frame(from.HELLO);
    for (const fd of this.placeholders) closeSync(fd);
    this.placeholders = [];
    return peer;
  }

  /** Process 1 as it is called outside. */
  private get outerPid(): number {
    return Number(readFileSync(`/proc/${this.child.pid}/task/${this.child.pid}/children`, 'utf8'));
  }

  /** From outside. */
  signal(signal: NodeJS.Signals): void {
    process.kill(this.outerPid, signal);
  }

  /** Ticks of the processor that process 1 has used. */
  ticks(): number {
    const fields = readFileSync(`/proc/${this.outerPid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  }

  [Symbol.dispose](): void {
    for (const peer of this.peers) peer.close();
    for (const fd of this.placeholders) closeSync(fd);
    this.child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
