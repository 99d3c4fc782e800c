import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { generateIdentity } from 'age-encryption';
import { systemClock } from '../../../../src/kit/clock.js';
import { newSessionId } from '../../../../src/kit/random-id.js';
import { applyLayer, type ShownRequest } from '../../../../src/session/changes/apply-layer.js';
import { discardLayer } from '../../../../src/session/changes/discard-layer.js';
import { shownReview } from '../../../../src/session/changes/shown-review.js';
import { requireLayer } from '../../../../src/session/layers.js';
import { RecordStore } from '../../../../src/session/store.js';
import type { Review } from '../../../../src/workspace/changes/change.js';
import { changesOf } from '../../../../src/workspace/changes/changes-of.js';
import { type Layer, openedLayer } from '../../../../src/workspace/changes/layer.js';
import { writeLayerNote } from '../../../../src/workspace/layer-note.js';
import { readKeys } from '../../../../src/workspace/sealed/key-source.js';
import type { Openings } from '../../../../src/workspace/sealed/openings.js';
import { Seals, type Unpacked } from '../../../../src/workspace/sealed/seals.js';
import { removeWriteLayer } from '../../../../src/workspace/write-layer.js';
import { InMemoryAudit } from '../../../unit/session/support/audit.js';
import { laterClock, Trees } from '../../workspace/support/trees.js';

const { signal } = new AbortController();
export const dayMs = 86_400_000;

/** What sessions over one project leave, in a state folder, with a key file beside it. */
export class Kept implements Disposable {
  readonly trees: Trees;
  readonly audit = new InMemoryAudit();
  readonly state: string;
  readonly keyFile: string;
  readonly program: string;
  isOn = true;
  openings: Openings<Unpacked> | undefined;

  constructor(programs: { readonly init: string; readonly mark: string }) {
    this.trees = new Trees(programs);
    this.program = programs.init;
    this.state = join(this.trees.top, 'state');
    this.keyFile = join(this.trees.top, 'key');
    mkdirSync(this.state);
  }

  get seals(): Seals {
    return new Seals({
      isOn: this.isOn,
      keys: () => readKeys({ keyFile: this.keyFile }, { env: {}, uid: process.getuid?.() ?? 0 }),
      openedFolder: join(this.state, 'opened'),
      openings: this.openings,
      program: () => Promise.resolve(this.program),
    });
  }

  get store(): RecordStore {
    const sealing = { seals: this.seals, audit: () => Promise.resolve(this.audit) };
    return new RecordStore(this.state, join(this.trees.top, 'run'), systemClock, { sealing });
  }

  /** Puts one more key behind those in the file. */
  async addKey(): Promise<void> {
    const before = existsSync(this.keyFile) ? readFileSync(this.keyFile, 'utf8') : '# mine\n';
    writeFileSync(this.keyFile, `${before}${await generateIdentity()}\n`, { mode: 0o600 });
  }

  /** A session that has not ended, with what `fill` writes into its upper folder. */
  async session(fill: (upper: string) => unknown): Promise<ReturnType<typeof newSessionId>> {
    const id = newSessionId();
    const folder = this.store.layerFolder(id);
    mkdirSync(join(folder, 'upper'), { recursive: true });
    await fill(join(folder, 'upper'));
    const { project } = this.trees.layer;
    const sinceNs = String(await this.#tick());
    await writeLayerNote(folder, { version: 1, session: id, madeAtMs: 0, project, sinceNs, keepMs: 7 * dayMs });
    return id;
  }

  async layer(id: string): Promise<Layer> {
    return (await requireLayer(this.store, id)).layer;
  }

  readonly review = (layer: Layer): Promise<Review> =>
    changesOf(layer, { program: this.program, signal, clock: laterClock });

  /** As people see it. */
  async shown(id: string): Promise<Review> {
    await using open = await openedLayer(await this.layer(id), signal);
    return await shownReview(open.layer, await this.review(open.layer));
  }

  async apply(id: string, request: ShownRequest = {}) {
    return applyLayer(id as never, await this.layer(id), request, this.#parts(), signal);
  }

  async discard(id: string, paths?: string[]) {
    const layer = await this.layer(id);
    const removeLayer = () => removeWriteLayer(layer.folder);
    const request = paths === undefined ? {} : { paths };
    return discardLayer(id as never, layer, request, { ...this.#parts(), removeLayer }, signal);
  }

  /** All files of the state folder, by name or content, that have that text in them. */
  holding(text: string): readonly string[] {
    return filesIn(this.state).filter((path) => path.includes(text) || readFileSync(path).includes(text));
  }

  /**
   * A time of the kernel's clock of files, which goes by ticks and behind every other: what the test has written is not later, and
   * what it writes from here on is, and so somebody else's.
   */
  async #tick(): Promise<bigint> {
    const probe = join(this.trees.top, 'tick');
    const now = () => {
      writeFileSync(probe, '');
      return lstatSync(probe, { bigint: true }).ctimeNs;
    };
    const last = now();
    while (now() === last) await setTimeout(1);
    return last;
  }

  #parts() {
    return { audit: this.audit, withhold: [], env: {}, review: this.review };
  }

  [Symbol.dispose](): void {
    this.trees[Symbol.dispose]();
  }
}

export function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
