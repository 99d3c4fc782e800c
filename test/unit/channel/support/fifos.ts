import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A session's two folders with its FIFOs in the shared one, as they are before process 1 starts. */
export class Fifos implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'paddock-channel-'));
  readonly shared = join(this.folder, 'io');
  readonly host = join(this.folder, 'host');

  constructor() {
    for (const folder of [this.shared, this.host]) mkdirSync(folder, { mode: 0o700 });
    execFileSync('mkfifo', ['-m', '600', join(this.shared, 'in'), join(this.shared, 'out')]);
  }

  /** Descriptors of this process that lead into these folders. */
  openHere(): readonly string[] {
    const targets = readdirSync('/proc/self/fd').map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return ''; // The descriptor of the listing itself.
      }
    });
    return targets.filter((target) => target.startsWith(`${this.folder}/`));
  }

  removeHost(): void {
    rmSync(this.host, { recursive: true });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}
