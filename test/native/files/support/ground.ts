import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../../src/kit/clock.js';
import { mostOfTransfer } from '../../../../src/sandbox/files/transfer-bounds.js';
import { SessionTransfers, type SessionTransfersOptions } from '../../../../src/session/transfers/session-transfers.js';
import { InMemoryAudit } from '../../../unit/session/support/audit.js';

/** A folder of the host, and one that is a sandbox; both go with it. */
export class Ground implements Disposable {
  readonly top = mkdtempSync(join(tmpdir(), 'paddock-transfer-'));
  readonly host = join(this.top, 'host');
  readonly inside = join(this.top, 'inside');
  readonly audit = new InMemoryAudit();

  constructor() {
    mkdirSync(this.host);
    mkdirSync(this.inside);
  }

  transfers(changes: Partial<SessionTransfersOptions> = {}): SessionTransfers {
    return new SessionTransfers({
      ...{ audit: this.audit, clock: systemClock, judgement: undefined, withhold: [], bounds: mostOfTransfer },
      ...changes,
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.top, { recursive: true, force: true });
  }
}

/** Every path below a folder with what is there: the mode and content of a file, the target of a link. */
export function treeOf(folder: string, prefix = ''): Readonly<Record<string, string>> {
  return Object.fromEntries(
    readdirSync(folder, { encoding: 'latin1' })
      .sort()
      .flatMap((name): (readonly [string, string])[] => {
        const path = join(folder, name);
        const status = lstatSync(Buffer.from(path, 'latin1'));
        if (status.isSymbolicLink()) return [[`${prefix}${name}`, `-> ${readlinkSync(path)}`]];
        if (status.isDirectory())
          return [[`${prefix}${name}/`, ''], ...Object.entries(treeOf(path, `${prefix}${name}/`))];
        if (!status.isFile()) return [[`${prefix}${name}`, 'other']];
        const content = readFileSync(Buffer.from(path, 'latin1'), 'latin1');
        return [[`${prefix}${name}`, `${(status.mode & 0o7777).toString(8)} ${content}`]];
      }),
  );
}
