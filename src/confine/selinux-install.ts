import { readFile } from 'node:fs/promises';
import { PaddockError } from '../core/errors.js';
import { countLabelled, runTool } from './administer.js';
import { isTypeLoaded, sandboxTypes, selinuxMode, selinuxModule } from './selinux.js';

/** Where things are; all but `shipped` have the places of every Linux as their defaults. */
export interface SelinuxPlaces {
  /** The module as it came with Paddock. */
  readonly shipped: string;
  readonly sysRoot?: string;
  readonly procRoot?: string;
  /** SELinux's own tool, which alone can change a policy. */
  readonly semodule?: string;
  /** Whether the kernel's policy has a type. */
  readonly hasType?: (type: string) => boolean;
}

export interface SelinuxState {
  /** Undefined where the kernel does not use SELinux. */
  readonly mode: 'enforcing' | 'permissive' | undefined;
  /** `current`: of the very module that came with Paddock. */
  readonly loaded: 'current' | 'another' | 'none';
}

/** The SELinux module of sandboxes in this host's policy. Anybody may look; root installs it. */
export class SelinuxInstall {
  readonly shipped: string;
  readonly #sysRoot: string;
  readonly #procRoot: string;
  readonly #semodule: string;
  readonly #hasType: (type: string) => boolean;

  constructor(places: SelinuxPlaces) {
    this.shipped = places.shipped;
    this.#sysRoot = places.sysRoot ?? '/sys';
    this.#procRoot = places.procRoot ?? '/proc';
    this.#semodule = places.semodule ?? '/usr/sbin/semodule';
    this.#hasType = places.hasType ?? ((type) => isTypeLoaded(type, this.#sysRoot));
  }

  /** The module's text. */
  text(): Promise<string> {
    return readFile(this.shipped, 'utf8');
  }

  /** A policy can't be read back without rights. It tells whether it has a type, and one is named after the text of the module. */
  async state(): Promise<SelinuxState> {
    const mark = /^\(block (paddock_text_[0-9a-f]+) \(type mark\)/m.exec(await this.text())?.[1];
    const isCurrent = mark !== undefined && this.#hasType(`${mark}.mark`);
    const loaded = isCurrent ? 'current' : this.#hasType(sandboxTypes.default) ? 'another' : 'none';
    return { mode: selinuxMode(this.#sysRoot), loaded };
  }

  /**
   * Puts the module into the policy, in place of an earlier one; that is kept over reboots. When it can't be, the policy is what
   * it was. Errors: PROFILE_NOT_LOADED.
   */
  async install(): Promise<void> {
    if (selinuxMode(this.#sysRoot) === undefined) throw notLoaded('this kernel does not use SELinux');
    await this.#tool('--install', this.shipped);
    const { loaded } = await this.state();
    if (loaded !== 'current') throw notLoaded(`${this.#semodule} took it, and the kernel has ${loaded}`);
  }

  /**
   * Takes it out of the policy. Refused while something runs under it: that would have no valid label and could do nothing any more.
   * Returns false when there was nothing. Errors: PROFILE_NOT_LOADED (it is still).
   */
  async uninstall(): Promise<boolean> {
    const confined = this.#confined();
    if (confined > 0) {
      throw new PaddockError(
        'PROFILE_NOT_LOADED',
        `${confined} processes run under types of ${selinuxModule}: it stays`,
        {
          hint: 'End the sandboxes (`paddock rm --all`, of every user), then uninstall it.',
        },
      );
    }
    const installed = await this.#tool('--list-modules');
    if (!installed.split('\n').some((line) => line.trim() === selinuxModule)) return false;
    await this.#tool('--remove', selinuxModule);
    return true;
  }

  #tool(...args: readonly string[]): Promise<string> {
    // It compiles the whole policy: half a minute on a slow machine.
    return runTool(this.#semodule, args, 300_000, notLoaded);
  }

  /** How many processes have a type of ours. As root, who sees all of them. */
  #confined(): number {
    const ours = /^[^:]+:[^:]+:paddock_\w+\.process(?::|\0|$)/;
    return countLabelled(this.#procRoot, 'current', (label) => ours.test(label));
  }
}

function notLoaded(why: string, cause?: unknown): PaddockError {
  return new PaddockError('PROFILE_NOT_LOADED', `the SELinux module ${selinuxModule} was not loaded: ${why}`, {
    cause,
  });
}
