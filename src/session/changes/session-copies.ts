import type { SitePolicy } from '../../core/site-policy.js';
import type { Clock } from '../../kit/clock.js';
import type { BrokerWish } from '../../policy/broker/decide.js';
import type { CreateRequest } from '../../policy/request.js';
import { decideKeep } from '../../policy/snapshot-request.js';
import { type Comparison, compareLayers } from '../../workspace/changes/compare-layers.js';
import { openedLayer } from '../../workspace/changes/layer.js';
import { openedBoth } from '../../workspace/changes/opened-both.js';
import { denied } from '../../workspace/rules.js';
import type { LayerOrigin } from '../layer-origin.js';
import { requireLayer } from '../layers.js';
import type { Snapshot } from '../snapshot-shelf.js';
import type { Snapshots, SnapshotWish } from '../snapshots.js';
import type { RecordStore } from '../store.js';
import { forkRequestOf } from './fork-request.js';
import { requireToRead } from './layer-to-read.js';

export interface SessionCopiesParts {
  readonly store: RecordStore;
  readonly snapshots: Snapshots;
  readonly limits: Pick<SitePolicy, 'ceilings' | 'admission'>;
  readonly clock: Clock;
  /** paddock-init, as a program of this host. */
  readonly program: string;
}

/** Copies and comparisons of what sessions of this user have written, running or over, whoever holds them. */
export class SessionCopies {
  readonly snapshots: Snapshots;
  readonly #parts: SessionCopiesParts;

  constructor(parts: SessionCopiesParts) {
    this.#parts = parts;
    this.snapshots = parts.snapshots;
  }

  /** `keepMs`: default 30 days, or less where the policy says so. Errors: NO_SUCH_SESSION, PolicyDenied, and those of `Snapshots.take`. */
  async snapshot(
    id: string,
    wish: Pick<SnapshotWish, 'name' | 'signal' | 'onProgress'> & { readonly keepMs?: number | undefined },
  ): Promise<Snapshot> {
    const { ceilings, admission } = this.#parts.limits;
    const decided = {
      keepMs: decideKeep(wish.keepMs, { ceilings }),
      mostBytes: ceilings.diskBytes,
      mostEntries: ceilings.diskInodes,
      mostTotalBytes: admission.keptBytes,
      mostOwnBytes: admission.ownKeptBytes,
    };
    return this.snapshots.take(await requireLayer(this.#parts.store, id), { ...wish, ...decided });
  }

  /** A request that begins with a snapshot: its project copy-on-write, unless the request says otherwise. Errors: NO_SUCH_SNAPSHOT. */
  async startFrom<T extends object>(
    idOrName: string,
    request: T,
  ): Promise<{ readonly origin: LayerOrigin; readonly request: T & { projectPath: string; workspace: string } }> {
    const snapshot = await this.snapshots.get(idOrName);
    const start = { projectPath: snapshot.project.source, workspace: 'cow' };
    return { origin: this.snapshots.originOf(snapshot), request: { ...start, ...request } };
  }

  /** A request for a session like that one, what it begins with, and what that had its broker for; `env`: see `forkRequestOf`. Errors: NO_SUCH_SESSION. */
  async startFork(
    id: string,
    env?: Readonly<Record<string, string>>,
  ): Promise<{
    readonly origin: LayerOrigin;
    readonly request: CreateRequest;
    readonly wish: BrokerWish;
  }> {
    const { store } = this.#parts;
    const noted = await requireLayer(store, id);
    const origin = { ...noted.layer, from: `session ${noted.id}` };
    const record = await store.load(noted.id);
    const { providers = [], git = [], routes = [] } = record?.spec ?? {};
    return { origin, request: forkRequestOf(noted.note, record, env), wish: { providers, git, routes } };
  }

  /** Errors: NO_SUCH_SESSION, PolicyDenied (`workspace.origin`: their projects are not the same), those of `changesOf`. */
  async compare(a: string, b: string, signal: AbortSignal): Promise<Comparison> {
    const { store, clock, program } = this.#parts;
    const [one, other] = await Promise.all([requireToRead(store, a, clock), requireToRead(store, b, clock)]);
    const [x, y] = [one.layer.project, other.layer.project];
    if (x.dev !== y.dev || x.ino !== y.ino) {
      throw denied('workspace.origin', y.source, { other: x.source });
    }
    if (one.id === other.id) {
      await using open = await openedLayer(one.layer, signal);
      return await compareLayers(open.layer, open.layer, { program, signal });
    }
    await using open = await openedBoth(one.layer, other.layer, signal);
    return await compareLayers(...open.both, { program, signal });
  }
}
