import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PaddockError } from '../core/errors.js';
import { countLabelled, runTool } from './administer.js';
import { isAppArmorOn, loadedProfile } from './apparmor.js';
import { AppArmorRecords, type LoadedState } from './apparmor-record.js';

/** Where things are; all but `profile` and `shipped` have the places of every Linux as their defaults. */
export interface AppArmorPlaces {
  /** The name of the profile, which is that of its file too. */
  readonly profile: string;
  /** The profile as it came with Paddock. */
  readonly shipped: string;
  readonly installed?: string;
  readonly sysRoot?: string;
  readonly procRoot?: string;
  /** What root wrote down of what it loaded; default: beside the profile as shipped, and in `/var/lib`. */
  readonly records?: AppArmorRecords;
  /** AppArmor's own parser, which alone can load a profile. */
  readonly parser?: string;
}

export interface AppArmorState {
  readonly isOn: boolean;
  /** `current`: byte for byte what came with Paddock. */
  readonly file: 'current' | 'another' | 'none';
  /** In which the kernel has it; undefined when it is not loaded. */
  readonly mode: string | undefined;
  /** Whether what it has is what came with Paddock. */
  readonly loaded: LoadedState;
}

/** One of the AppArmor profiles of sandboxes on this host. Anybody may look; root installs it. */
export class AppArmorInstall {
  readonly profile: string;
  readonly installed: string;
  readonly #shipped: string;
  readonly #sysRoot: string;
  readonly #procRoot: string;
  readonly #parser: string;
  readonly #records: AppArmorRecords;

  constructor(places: AppArmorPlaces) {
    this.profile = places.profile;
    this.#shipped = places.shipped;
    this.installed = places.installed ?? `/etc/apparmor.d/${places.profile}`;
    this.#sysRoot = places.sysRoot ?? '/sys';
    this.#procRoot = places.procRoot ?? '/proc';
    this.#records = places.records ?? new AppArmorRecords({ shipped: dirname(places.shipped) });
    this.#parser = places.parser ?? '/usr/sbin/apparmor_parser';
  }

  /** The profile's text. */
  text(): Promise<string> {
    return readFile(this.#shipped, 'utf8');
  }

  async state(): Promise<AppArmorState> {
    const [shipped, present] = await Promise.all([this.text(), this.#present()]);
    const file = present === undefined ? 'none' : present === shipped ? 'current' : 'another';
    const found = loadedProfile(this.profile, this.#sysRoot);
    const loaded = this.#records.judge(this.profile, found);
    return { isOn: isAppArmorOn(this.#sysRoot), file, mode: found?.mode, loaded };
  }

  /**
   * Puts the file where it is loaded at every boot, and loads it now: what runs under an earlier one goes on under this. When
   * it can't be loaded, the file is what it was. Errors: PROFILE_NOT_LOADED.
   */
  async install(): Promise<void> {
    if (!isAppArmorOn(this.#sysRoot)) throw notLoaded('this kernel does not use AppArmor');
    const before = await this.#present();
    const text = await this.text();
    await this.#put(text);
    try {
      await this.#parse('--replace');
      const loaded = loadedProfile(this.profile, this.#sysRoot);
      if (loaded === undefined) throw notLoaded('the kernel has it not');
      if (loaded.mode !== 'enforce') throw notLoaded(`the kernel has it in ${loaded.mode} mode`);
      await this.#records.write(this.profile, text, loaded).catch((cause: unknown) => {
        throw notLoaded('the record of what the kernel has can not be written', cause);
      });
    } catch (error) {
      if (before === undefined) await rm(this.installed, { force: true });
      else await this.#put(before);
      throw error;
    }
  }

  /**
   * Takes it out of the kernel and away. Refused while something runs under it, which would be unconfined from then on.
   * Returns false when there was nothing. Errors: PROFILE_NOT_LOADED (it is still).
   */
  async uninstall(): Promise<boolean> {
    const confined = this.#confined();
    if (confined > 0) {
      throw new PaddockError('PROFILE_NOT_LOADED', `${confined} processes run under ${this.profile}: it stays`, {
        hint: 'End the sandboxes (`paddock rm --all`, of every user), then uninstall it.',
      });
    }
    const isLoaded = loadedProfile(this.profile, this.#sysRoot) !== undefined;
    const isThere = (await this.#present()) !== undefined;
    if (isLoaded) {
      if (!isThere) await this.#put(await this.text());
      await this.#parse('--remove');
    }
    await this.#records.remove(this.profile);
    await rm(this.installed, { force: true });
    return isLoaded || isThere;
  }

  async #present(): Promise<string | undefined> {
    return await readFile(this.installed, 'utf8').catch(() => undefined);
  }

  async #put(text: string): Promise<void> {
    // AppArmor's own start-up script passes over names that end like this.
    const fresh = `${this.installed}.dpkg-new`;
    try {
      await writeFile(fresh, text, { mode: 0o644 });
      await rename(fresh, this.installed);
    } catch (cause) {
      await rm(fresh, { force: true }).catch(() => undefined);
      throw notLoaded(`${this.installed} can not be written`, cause);
    }
  }

  async #parse(action: '--replace' | '--remove'): Promise<void> {
    const cached = action === '--replace' ? ['--write-cache'] : [];
    await runTool(this.#parser, [action, ...cached, this.installed], 60_000, notLoaded);
  }

  /** How many processes are under it, alone or in a stack. As root, who sees all of them. */
  #confined(): number {
    return countLabelled(this.#procRoot, 'apparmor/current', (label) =>
      label
        .replace(/ \(\w+\)\s*$/, '')
        .split('//&')
        .includes(this.profile),
    );
  }
}

function notLoaded(why: string, cause?: unknown): PaddockError {
  return new PaddockError('PROFILE_NOT_LOADED', `the AppArmor profile was not loaded: ${why}`, { cause });
}
