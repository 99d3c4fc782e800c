import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { type ChannelOptions, openChannel } from '../../../../src/channel/channel.js';
import { openFifoLink } from '../../../../src/channel/fifo-link.js';
import type { ChannelLink } from '../../../../src/channel/link.js';
import { StreamLink } from '../../../../src/channel/stream-link.js';
import type { Channel, ChannelCommand, ChannelStart } from '../../../../src/channel/types.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { Fifos } from '../../../unit/channel/support/fifos.js';
import { Kept } from '../../../unit/channel/support/rig.js';
import { boottimeMs } from '../../init/support/compiled.js';

/** What process 1 finds in its environment, as an engine would have it. */
const ofSession = { OF_SESSION: 'kept', GREETING: 'of the session' };

export type LinkKind = 'a pair of streams' | 'FIFOs';

export interface Started extends AsyncDisposable {
  readonly link: ChannelLink;
  readonly child: ChildProcess;
  readonly fifos: Fifos;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

/** Starts process 1, here an ordinary process, at the other end of a link. */
export async function startInit(program: string, kind: LinkKind, more: readonly string[] = []): Promise<Started> {
  const fifos = new Fifos();
  const args = ['--deadline-boottime-ms', String(boottimeMs() + 60_000), '--channel', 'stdio', ...more];
  const { link, child } = await (kind === 'FIFOs' ? onFifos(program, args, fifos) : onPipes(program, args));
  const ended = new Promise<Awaited<Started['ended']>>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const dispose = async () => {
    await link[Symbol.asyncDispose]();
    child.kill('SIGKILL');
    await ended;
    fifos[Symbol.dispose]();
  };
  return { link, child, fifos, ended, [Symbol.asyncDispose]: dispose };
}

function onPipes(program: string, args: readonly string[]) {
  const child = spawn(program, args, { env: ofSession, stdio: ['pipe', 'pipe', 'inherit'] });
  return { link: new StreamLink(child.stdout, child.stdin), child };
}

async function onFifos(program: string, args: readonly string[], fifos: Fifos) {
  const link = await openFifoLink(fifos.shared, { hostFolder: fifos.host });
  const input = openSync(join(fifos.shared, 'in'), constants.O_RDONLY | constants.O_NONBLOCK);
  const output = openSync(join(fifos.shared, 'out'), constants.O_WRONLY | constants.O_NONBLOCK);
  const child = spawn(program, args, { env: ofSession, stdio: [input, output, 'inherit'] });
  closeSync(input);
  closeSync(output);
  return { link, child };
}

/** A channel to the real process 1. */
export class RealRig implements AsyncDisposable {
  readonly #init: Started;
  readonly channel: Channel;

  private constructor(init: Started, channel: Channel) {
    this.#init = init;
    this.channel = channel;
  }

  static async open(program: string, kind: LinkKind, options: Partial<ChannelOptions> = {}): Promise<RealRig> {
    const init = await startInit(program, kind);
    return new RealRig(init, await openChannel(init.link, { clock: systemClock, ...options }));
  }

  get ended(): Started['ended'] {
    return this.#init.ended;
  }

  kill(signal: NodeJS.Signals): void {
    this.#init.child.kill(signal);
  }

  async run(script: string, fields: Partial<ChannelStart> = {}): Promise<{ run: ChannelCommand; kept: Kept }> {
    const kept = new Kept();
    return { run: await this.channel.start(shell(script, fields), kept), kept };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.channel[Symbol.asyncDispose]();
    await this.#init[Symbol.asyncDispose]();
  }
}

export const shell = (script: string, fields: Partial<ChannelStart> = {}): ChannelStart => ({
  argv: ['sh', '-c', script],
  env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
  cwd: '/',
  timeoutMs: 0,
  graceMs: 0,
  stdin: false,
  ...fields,
});
