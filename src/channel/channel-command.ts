import { PaddockError } from '../core/errors.js';
import { deferred } from '../kit/deferred.js';
import { type CommandPlan, makeOutputs, type Outputs } from './command-outputs.js';
import { encodeEnd, encodeForget, encodeInput, encodeInputEnd, encodeResize, encodeSignal } from './encode.js';
import { ChannelViolation } from './errors.js';
import type { Outbox } from './outbox.js';
import { channelSize } from './protocol.js';
import { SendingHalf } from './sending-half.js';
import type { ChannelCommand, ChannelExit, CommandSinks, OutputName, SignalScope } from './types.js';

export interface CommandHost {
  readonly outbox: Outbox;
  readonly now: () => number;
  /** Its slot is free again. */
  readonly onForgotten: (id: number) => void;
}

/** `adopted`: of one that was taken over no frame has come yet, so that STARTED or FAILED still may. */
type Phase = 'starting' | 'adopted' | 'running' | 'exited' | 'over';

/** What is known of one command, and what its holder may do with it. Frames come in through the methods named `on…`. */
export class Command implements ChannelCommand {
  readonly id: number;
  readonly #host: CommandHost;
  readonly #plan: CommandPlan;
  readonly #outputs: Outputs;
  readonly #input: SendingHalf;
  readonly #started = deferred<undefined>();
  readonly #exited = deferred<ChannelExit>();
  /** One that was taken over has nobody to tell before it is attached. */
  readonly #opened = deferred<undefined>();
  #phase: Phase;
  #pid = 0;
  #startedAtMs = 0;
  #sinkFailure: { readonly error: unknown } | undefined;

  constructor(id: number, plan: CommandPlan, host: CommandHost) {
    this.id = id;
    this.#host = host;
    this.#plan = plan;
    const onFailed = (error: unknown) => this.#onSinkFailed(error);
    this.#outputs = makeOutputs(id, plan, host.outbox, onFailed);
    const data = (bytes: Uint8Array, spare?: Buffer) => encodeInput(id, bytes, spare);
    const frames = { data, end: () => encodeInputEnd(id) };
    // What an older holder sent may still wait inside: process 1 says how much room there is.
    const room = plan.known ? 0 : channelSize.INPUT_WINDOW;
    this.#input = new SendingHalf(host.outbox, frames, channelSize.INPUT_WINDOW, room);
    this.#phase = plan.known ? 'adopted' : 'starting';
    if (plan.known) this.#setStart(plan.known.pid, plan.known.startedAtMs);
    this.#exited.promise.catch(() => undefined);
    this.#started.promise.catch(() => undefined);
  }

  get pid(): number {
    return this.#pid;
  }

  get startedAtMs(): number {
    return this.#startedAtMs;
  }

  /** False as soon as process 1 has said that it runs, or can't. */
  get isStarting(): boolean {
    return this.#phase === 'starting';
  }

  get started(): Promise<undefined> {
    return this.#started.promise;
  }

  get exited(): Promise<ChannelExit> {
    return this.#exited.promise;
  }

  open(sinks: CommandSinks): void {
    for (const name of ['stdout', 'stderr'] as const) {
      this.#outputs[name]?.open((bytes, offset) => sinks.onOutput(name, bytes, offset));
    }
    this.#opened.resolve(undefined);
  }

  write(chunk: Uint8Array): Promise<void> {
    if (this.#plan.hasInput) return this.#input.write(chunk);
    return Promise.reject(new PaddockError('BAD_ARGUMENT', 'the command was started without standard input'));
  }

  endInput(): void {
    if (this.#plan.hasInput) void this.#input.end();
  }

  signal(signo: number, scope: SignalScope): void {
    this.#tell(encodeSignal(this.id, signo, scope));
  }

  end(graceMs: number): void {
    this.#tell(encodeEnd(this.id, graceMs));
  }

  resize(rows: number, columns: number): void {
    this.#tell(encodeResize(this.id, rows, columns));
  }

  onStarted(pid: number): void {
    this.#mustBeStarting('STARTED');
    this.#phase = 'running';
    this.#setStart(pid, this.#startedAtMs || this.#host.now());
    this.#started.resolve(undefined);
  }

  onFailed(error: Error): void {
    this.#mustBeStarting('FAILED');
    this.#phase = 'exited';
    this.#started.reject(error);
    void this.#opened.promise.then(() => {
      this.#forget();
      this.#exited.reject(error);
    });
  }

  onOutput(name: OutputName, bytes: Buffer, offset: number): void {
    this.#output(name, 'OUTPUT').receive(bytes, offset);
  }

  onOutputEnd(name: OutputName, length: number): void {
    this.#output(name, 'OUTPUT_END').end(length);
  }

  onCredit(bytes: number): void {
    this.#mustBeRunning('CREDIT');
    if (!this.#plan.hasInput) throw new ChannelViolation('CREDIT for a command without input');
    this.#input.credit(bytes);
  }

  onExited(exit: ChannelExit): void {
    this.#mustBeRunning('EXITED');
    if (!this.#outputs.isEnded) throw new ChannelViolation('EXITED before the end of the output');
    this.#phase = 'exited';
    this.#input.stop();
    void this.#opened.promise.then(() => this.#outputs.drained()).then(() => this.#deliverExit(exit));
  }

  /** Its START was not sent, and will not be. */
  abandon(error: Error): void {
    this.#phase = 'over';
    this.#host.onForgotten(this.id);
    this.#started.reject(error);
    this.#exited.reject(error);
  }

  /** The channel is over; what it had sent still goes to the sinks first. */
  onChannelEnd(error: Error): void {
    this.#input.stop(error);
    this.#started.reject(error);
    if (this.#phase === 'exited') return;
    this.#phase = 'over';
    void this.#outputs.drained().then(() => this.#exited.reject(this.#sinkFailure?.error ?? error));
  }

  /** FORGET comes after the sinks have taken everything: what they hold counts against the commands there may be. */
  #deliverExit(exit: ChannelExit): void {
    this.#forget();
    if (this.#sinkFailure) this.#exited.reject(this.#sinkFailure.error);
    else this.#exited.resolve(exit);
  }

  #forget(): void {
    this.#input.stop();
    this.#host.outbox.send(encodeForget(this.id));
    this.#host.onForgotten(this.id);
  }

  #output(name: OutputName, frame: string) {
    this.#mustBeRunning(frame);
    const output = this.#outputs[name];
    if (output === undefined) throw new ChannelViolation(`${frame} of ${name} on a terminal`);
    return output;
  }

  #onSinkFailed(error: unknown): void {
    this.#sinkFailure ??= { error };
    this.end(0);
  }

  #setStart(pid: number, startedAtMs: number): void {
    this.#pid = pid;
    this.#startedAtMs = startedAtMs;
  }

  #tell(frame: Buffer): void {
    if (this.#phase !== 'exited' && this.#phase !== 'over') this.#host.outbox.send(frame);
  }

  #mustBeStarting(frame: string): void {
    if (this.#phase !== 'starting' && this.#phase !== 'adopted') throw this.#outOfOrder(frame);
  }

  #mustBeRunning(frame: string): void {
    if (this.#phase === 'adopted') this.#phase = 'running';
    if (this.#phase !== 'running') throw this.#outOfOrder(frame);
  }

  #outOfOrder(frame: string): ChannelViolation {
    return new ChannelViolation(`${frame} of a command that is ${this.#phase}`);
  }
}
