import { type FifoLinkOptions, openFifoLink } from '../channel/fifo-link.js';
import type { ChannelLink } from '../channel/link.js';
import { LineHelper, type LineHelperOptions } from './line-helper.js';

/** Makes the two FIFOs of a channel, which Node can't: `paddock-init --mkfifo -` does. */
export class PipeMaker {
  readonly #helper: LineHelper;

  /** `program`: paddock-init, as a program of this host. */
  constructor(program: string, options?: LineHelperOptions) {
    this.#helper = new LineHelper(program, ['--mkfifo', '-'], options);
  }

  /** `folder`/in and `folder`/out, mode 0600. Rejects with what went wrong, after 30 s at the latest. */
  make(folder: string): Promise<void> {
    return this.#helper.ask(folder);
  }
  /**
   * Makes them, with our ends open: the link is the caller's to dispose. Rejects as `make` does, and with
   * CHANNEL_UNAVAILABLE when what is there is not ours alone.
   */
  async open(folder: string, options: FifoLinkOptions): Promise<ChannelLink> {
    await this.make(folder);
    return await openFifoLink(folder, options);
  }
}
