import { SandboxError } from '../core/errors.js';
import type { Limits } from '../core/limits.js';
import type { Engine } from '../engine/types.js';
import { known } from '../kit/known.js';
import type { CommandCgroups } from './cgroups/command-cgroups.js';
import { changeLimits, limitControls, wasHeld, wasRefused, withDeadline } from './change.js';
import type { SandboxHandle } from './handle.js';
import { boottimeMs } from './host-facts.js';
import { refuseUnmet } from './refuse-unmet.js';

interface TermsParts {
  readonly engine: Engine;
  readonly cgroups: Promise<CommandCgroups | undefined> | undefined;
  readonly isAlive: () => boolean;
  /** Tells process 1 when the sandbox ends (CLOCK_BOOTTIME); false when it does not say in time that it will. */
  readonly tellDeadline: (boottimeMs: number) => Promise<boolean>;
}

/** The limits and the end of one sandbox as they are now, with the evidence of them: both can be changed. */
export class Terms {
  #handle: SandboxHandle;
  #limitChanges = 0;
  readonly #parts: TermsParts;

  constructor(handle: SandboxHandle, parts: TermsParts) {
    this.#handle = handle;
    this.#parts = parts;
  }

  get handle(): SandboxHandle {
    return this.#handle;
  }

  /** How often the limits were changed here, or are about to be; an engine that refused has nothing to tell of it. */
  get limitChanges(): number {
    return this.#limitChanges;
  }

  /**
   * Moves the end of the sandbox to `endsInMs` from now. When process 1 does not say in time that it will end then
   * (CHANNEL_UNAVAILABLE), it is not known which of the two ends it has, and the evidence says so. Errors: UPDATE_UNSUPPORTED with the
   * engine's exec, SESSION_ENDED, CHANNEL_VIOLATION.
   */
  async setDeadline(endsInMs: number, lifetimeMs: number): Promise<void> {
    const boottime = Math.round((await boottimeMs()) + endsInMs);
    if (!(await this.#parts.tellDeadline(boottime))) {
      this.#handle = withDeadline(this.#handle, lifetimeMs, undefined);
      throw new SandboxError('CHANNEL_UNAVAILABLE', 'process 1 does not say when it will end the sandbox');
    }
    this.#handle = withDeadline(this.#handle, lifetimeMs, boottime);
  }

  /**
   * Gives it other limits; `handle` then has the kernel's account of them, also when this throws: the engine's own error when it did
   * not change what the kernel held before, CONTROL_NOT_ENFORCED when a limit that policy requires is not held now, SESSION_ENDED.
   * The caller takes the change back then.
   */
  async setLimits(limits: Limits): Promise<void> {
    const { engine, isAlive } = this.#parts;
    const before = this.#handle;
    this.#limitChanges += 1;
    const { handle, refusal } = await changeLimits(before, limits, engine);
    if (wasRefused(refusal)) this.#limitChanges -= 1;
    if (!isAlive()) throw new SandboxError('SESSION_ENDED', 'the sandbox has ended');
    this.#handle = handle;
    await this.#tellCommands();
    if (refusal !== undefined && (refusal.code !== 'ENGINE_FAILED' || wasHeld(before, limits))) throw refusal;
    const require = handle.spec.require.filter((id) => limitControls.includes(id));
    refuseUnmet(handle.evidence, { ...handle.spec, require });
  }

  /** Has what starts from now on keep to the limit of one file; the rest of the disk's limits is no business of the sandbox. */
  setDiskLimits({ diskBytes, fsizeBytes }: Pick<Limits, 'diskBytes' | 'fsizeBytes'>): void {
    const { spec } = this.#handle;
    const limits = { ...spec.limits, ...known({ diskBytes, fsizeBytes }) };
    this.#handle = { ...this.#handle, spec: { ...spec, limits } };
  }

  /** What runs has the old limit written into its own cgroup: it must not stay below a greater one. */
  async #tellCommands(): Promise<void> {
    const cgroups = await this.#parts.cgroups;
    await cgroups?.followLimit().catch((cause: unknown) => {
      const message = 'the commands that run keep the limit of memory that they had';
      throw new SandboxError('UPDATE_UNSUPPORTED', message, { cause });
    });
  }
}
