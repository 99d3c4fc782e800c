import type { Json } from '../json.js';
import type { Wishes } from '../wishes.js';

/** What the parser of one option may look at besides its own value. */
export interface OptionContext {
  readonly wishes: Wishes;
  /** All options of the call by canonical name, absent ones left out. */
  readonly options: ReadonlyMap<string, Json>;
  /** Names and numbers that stand for the sandbox user, such as `agent`. */
  readonly sandboxUsers: readonly string[];
}

/** One option of Docker's create call. */
export interface DockerOption {
  readonly name: string;
  /** Whether Docker's API has it under `HostConfig`; people write those flat as well. */
  readonly inHostConfig: boolean;
  readonly apply: (value: Json, context: OptionContext) => void;
}
