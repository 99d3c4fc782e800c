import type { AuditRecorder } from '../audit/audit-log.js';
import type { SessionId } from '../core/ids.js';
import type { PresetContext } from '../egress/presets/preset.js';
import type { ProcessIdentity } from '../kit/process-identity.js';
import type { Monitoring } from '../monitor/monitoring.js';
import type { CreateContext } from '../policy/create.js';
import type { OnDecided } from '../policy/verdict.js';
import type { SandboxMaker } from '../sandbox/maker.js';
import type { CopyOptions } from '../workspace/copy-layer.js';
import type { Overlays } from '../workspace/overlays.js';
import type { Admission } from './admission.js';
import type { KeySources } from './broker/provider-routes.js';
import type { GivenKeys } from './broker/take-keys.js';
import type { WishLike } from './broker/wish-like.js';
import type { VisitTracing } from './control/control-options.js';
import type { EgressParts } from './egress/session-egress.js';
import type { HostRoom } from './host-room.js';
import type { LayerOrigin } from './layer-origin.js';
import type { RecordStore } from './store.js';

export interface SessionsOptions {
  readonly maker: SandboxMaker;
  readonly store: RecordStore;
  readonly audit: AuditRecorder;
  readonly policy: CreateContext;
  /** The same as it is by now: what was approved for always since then is in it. Left out: nothing changes. */
  readonly currentPolicy?: () => Promise<CreateContext>;
  readonly owner: ProcessIdentity;
  /** Whether whoever made a session lives; default: as /proc says. */
  readonly isAlive?: ((owner: ProcessIdentity) => Promise<boolean>) | undefined;
  /** attached: sessions end with this process; detached: they outlive it and end at their deadline. */
  readonly kind: 'attached' | 'detached';
  readonly version: string;
  /** What the host has for sessions; default: as the kernel says. */
  readonly room?: () => HostRoom;
  /** By which means projects are shown copy-on-write; default: overlays. */
  readonly overlays?: Overlays;
  /** How the hosts of presets are found out; absent: none are known. */
  readonly presets?: PresetContext;
  /** By which names are looked up in this process; absent: each session has its own. */
  readonly lookupTurns?: EgressParts['lookupTurns'];
  /** The sessions that see each other; absent: none do. */
  readonly siblings?: EgressParts['siblings'];
  /** Puts what sessions want to reach to a person; absent: only whoever looks for such questions. */
  readonly onQuestions?: EgressParts['onQuestions'];
  /** Where keys for the credential broker may be found; absent: only in requests. */
  readonly keys?: KeySources;
  /** Judges for several of these in one process whether there is room; absent: this one has a judge of its own. */
  readonly admission?: Admission | undefined;
  /** Asked before a session is made, beside those that live, the first of which ends in `soonestEndMs`; throws where there may be none. What it returns is called when it counts itself, or was not made. */
  readonly gate?: ((open: number, soonestEndMs?: number) => Promise<() => void>) | undefined;
  /** Asked before a session is given more memory or CPUs by the caller of these; throws where it may not. */
  readonly growGate?: (() => Promise<void>) | undefined;
  /** How long whoever ends a session waits for what it leaves to be encrypted, which goes on; absent: until it is. */
  readonly sealWaitMs?: number | undefined;
  /** Of what was to be made or changed. */
  readonly onDecided?: OnDecided | undefined;
  /** Runs what other processes of this user ask of attached sessions within a trace; absent: without. */
  readonly traceVisit?: VisitTracing | undefined;
  /** What samples the usage of attached sessions. */
  readonly monitoring?: Monitoring | undefined;
}

/** What a session begins with, and who is told while that, or the project, is copied for it. */
export interface SessionStart {
  /** What it is called; default: a new one. */
  readonly id?: SessionId | undefined;
  readonly origin?: LayerOrigin | undefined;
  readonly onProgress?: CopyOptions['onProgress'];
  /** Taken out of the request before anything else saw it. */
  readonly keys?: GivenKeys;
  /** What another session had, to be had here as well as far as there are keys for it. */
  readonly likeOf?: WishLike | undefined;
}
