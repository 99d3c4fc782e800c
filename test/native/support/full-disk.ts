import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const unshare = ['--user', '--map-root-user', '--mount'];
const sizeBytes = 64 * 1024;
/** Given away whole: a file goes on to the end of its last one though the disk is full. */
export const pageBytes = 4096;

/** Some distributions let no user make a namespace. */
export const disksCanBeMade = spawnSync('unshare', [...unshare, 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;

/**
 * A disk of 64 KiB, which the kernel itself says is full. It is mounted in a namespace of its own, into which whoever made that can look, so nobody
 * has to be root; it is gone with its process, which ends with ours.
 */
export class FullDisk implements AsyncDisposable {
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #place: string;
  #fillers = 0;

  private constructor(child: ChildProcess, place: string) {
    this.#child = child;
    this.#place = place;
    this.folder = `/proc/${child.pid}/root${place}`;
  }

  static async make(): Promise<FullDisk> {
    const place = mkdtempSync(join(tmpdir(), 'paddock-disk-'));
    const script = `mount -t tmpfs -o size=${sizeBytes},mode=700 none "$1" && echo ready && exec cat`;
    const child = spawn('unshare', [...unshare, 'sh', '-c', script, 'sh', place], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const disk = new FullDisk(child, place);
    await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
    if (child.exitCode !== null) throw new Error('no disk of its own could be mounted');
    return disk;
  }

  /** Nothing more is given away after this. */
  fill(): void {
    for (;;) {
      this.#fillers += 1;
      try {
        writeFileSync(join(this.folder, `filler-${this.#fillers}`), Buffer.alloc(sizeBytes));
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return;
        throw error;
      }
    }
  }

  makeRoom(): void {
    for (; this.#fillers > 0; this.#fillers -= 1) rmSync(join(this.folder, `filler-${this.#fillers}`), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const isOver = once(this.#child, 'close');
    this.#child.stdin?.end();
    await isOver;
    rmdirSync(this.#place);
  }
}
