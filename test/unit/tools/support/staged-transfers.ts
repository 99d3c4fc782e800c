import { PaddockError } from '../../../../src/core/errors.js';
import { deferred } from '../../../../src/kit/deferred.js';
import type { TransferReport } from '../../../../src/session/transfers/report.js';
import type { TransferContext, TransferRequest } from '../../../../src/session/transfers/session-transfers.js';

/** One copy that goes on until the test says otherwise, or it is stopped. */
export class StagedTransfer {
  readonly context: TransferContext;
  readonly #report: Omit<TransferReport, 'entries' | 'bytes'>;
  readonly #ended = deferred<TransferReport>();
  readonly ended = this.#ended.promise;

  constructor(direction: 'in' | 'out', { path, hostPath }: TransferRequest, context: TransferContext) {
    this.context = context;
    this.#report = {
      ...{ sessionId: 'pdk_aaaaaaaaaaaaaaaaaaaaaaaaaa', direction, path, hostPath },
      ...{ sha256: 'f'.repeat(64), leftOut: [], moreLeftOut: 0 },
    };
    const stop = () => this.fail(new PaddockError('INTERRUPTED', 'it was stopped'));
    context.signal.addEventListener('abort', stop, { once: true });
  }

  tell(entries: number, bytes: number): void {
    this.context.onProgress?.({ entries, bytes });
  }

  finish(changes: Partial<TransferReport> = {}): void {
    this.#ended.resolve({ ...this.#report, entries: 3, bytes: 5, ...changes });
  }

  fail(error: Error): void {
    this.#ended.reject(error);
  }
}

/** What copies for the tools, and copies nothing. */
export class StagedTransfers {
  readonly all: StagedTransfer[] = [];

  readonly in = (_subject: unknown, request: TransferRequest, context: TransferContext) =>
    this.#begin('in', request, context);
  readonly out = (_subject: unknown, request: TransferRequest, context: TransferContext) =>
    this.#begin('out', request, context);

  #begin(direction: 'in' | 'out', request: TransferRequest, context: TransferContext): Promise<TransferReport> {
    const transfer = new StagedTransfer(direction, request, context);
    this.all.push(transfer);
    return transfer.ended;
  }
}
