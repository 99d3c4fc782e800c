import { type Suggestion, suggestionsOf } from '../../egress/lock-files/suggestions.js';
import { parseRule } from '../../policy/egress/rule.js';

/** What the lock files of a session's project name, for whoever reads its refusals. Read beside everything else: nothing waits for it. */
export class LockFileNames implements AsyncDisposable {
  readonly #over = new AbortController();
  /** Resolves when they have been read; never rejects. */
  readonly read: Promise<void>;
  #files: ReadonlyMap<string, string> = new Map();

  constructor(project: string) {
    this.read = suggestionsOf(project, this.#over.signal).then(
      ({ list }) => {
        this.#files = new Map(list.flatMap(placesOf));
      },
      // What can't be read says nothing.
      () => undefined,
    );
  }

  /** The names of the files that name that place; undefined where none does, as far as is known yet. */
  filesFor({ host, port }: { readonly host: string; readonly port: number }): string | undefined {
    return this.#files.get(`${host} ${port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.read;
  }
}

function placesOf({ allow, files }: Suggestion): readonly (readonly [string, string])[] {
  const reading = parseRule(allow, { openAllowed: false });
  if (!('rule' in reading)) return [];
  const { host, endpoints } = reading.rule;
  const text = host.kind === 'name' ? host.name : host.kind === 'network' ? host.network.address.text : undefined;
  return text === undefined ? [] : endpoints.map(({ port }) => [`${text} ${port}`, files.join(', ')]);
}
