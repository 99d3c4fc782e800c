import type { SessionId } from '../core/ids.js';
import type { SandboxSpec } from '../core/spec.js';
import type { BrokerRoute } from '../egress/broker/types.js';
import type { AskTool } from '../egress/presets/ask-tool.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { brokerRoutes } from './broker/broker-routes.js';
import { noKeySources } from './broker/provider-routes.js';
import { type BrokerParts, brokerWithoutChannel, SessionBrokers } from './broker/session-broker.js';
import type { GivenKeys } from './broker/take-keys.js';
import { isEmptyWish, withoutBroker } from './broker/wish.js';
import { expandPresets } from './egress/expand-presets.js';
import { refuseWithoutNetwork } from './egress/network-here.js';
import { type EgressParts, openSessionEgress, type SessionEgress, withoutChannel } from './egress/session-egress.js';
import type { SessionRecord } from './record.js';
import type { SessionsOptions } from './sessions-options.js';

/** What a session may reach, judged before anything of it is made. */
export interface PlannedWays {
  /** With the hosts of its presets. */
  readonly spec: SandboxSpec;
  readonly keys: GivenKeys;
  /** Undefined: there is to be no broker yet. */
  readonly routes: readonly BrokerRoute[] | undefined;
  /** What its caller is to know. */
  readonly notes: readonly string[];
}

/** The ways out of sessions that are being made: planned before there is anything, opened when their sandboxes run. */
export class WaysOutPlanner {
  readonly #options: SessionsOptions;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** Refuses what could have no way out (from a container without a network nothing has one), and keys that are missing or can't be used. */
  async plan(spec: SandboxSpec, keys: GivenKeys, signal: AbortSignal): Promise<PlannedWays> {
    const [reaching, brokering] = await Promise.all([this.#reaching(spec, signal), this.#brokering(spec, keys)]);
    if (this.#options.maker.view !== undefined) {
      refuseWithoutNetwork({ allow: reaching.egress?.allow ?? [], routes: brokering.routes ?? [] });
    }
    return { spec: reaching, keys, ...brokering };
  }

  /** Both belong to the session; the broker has no routes before `ensure`. Errors: those of `openSessionEgress`. */
  async open(
    record: Pick<SessionRecord, 'id' | 'name'>,
    sandbox: Sandbox,
    keys: GivenKeys,
  ): Promise<{ readonly egress: SessionEgress | undefined; readonly brokers: SessionBrokers }> {
    const id = record.id as SessionId;
    const egress = await openSessionEgress(sandbox, { ...this.#egressParts(id), name: record.name });
    return { egress, brokers: new SessionBrokers(this.#brokerParts(id, keys), sandbox, egress) };
  }

  async #reaching(spec: SandboxSpec, signal: AbortSignal): Promise<SandboxSpec> {
    if (spec.egress === undefined) return spec;
    const { maker, presets } = this.#options;
    if (maker.commandPath === 'exec') throw withoutChannel();
    if (presets === undefined) return { ...spec, egress: await expandPresets(spec.egress, undefined) };
    const projects = await this.#writtenInside(spec);
    const ask: AskTool = (argv, over) => presets.ask(argv, over, projects);
    return { ...spec, egress: await expandPresets(spec.egress, { ...presets, ask, signal }) };
  }

  /** What the sandbox is shown of the host, and what other sessions of this user write: no tool of the host's is run from there. */
  async #writtenInside({ mounts }: SandboxSpec): Promise<readonly string[]> {
    const { records } = await this.#options.store.list();
    return [
      ...mounts.map(({ hostPath }) => hostPath),
      ...records.flatMap(({ writableRoots }) => writableRoots.map(({ source }) => source)),
    ];
  }

  async #brokering(spec: SandboxSpec, given: GivenKeys): Promise<Pick<PlannedWays, 'routes' | 'notes'>> {
    if (isEmptyWish(spec)) return { routes: undefined, notes: [] };
    const { maker, keys: sources = noKeySources, policy } = this.#options;
    if (maker.commandPath !== 'exec') {
      const parts = { given, sources, rules: policy.sitePolicy.broker, clock: maker.clock };
      return { routes: await brokerRoutes(spec, parts), notes: [] };
    }
    const refused = brokerWithoutChannel();
    if (Object.keys(given.secrets).length > 0) throw refused;
    return { routes: undefined, notes: [`${withoutBroker(spec)}: ${refused.message}`] };
  }

  #egressParts(id: SessionId): EgressParts {
    const { audit, kind, maker, monitoring, policy, onQuestions, lookupTurns, siblings, store } = this.#options;
    const { ask } = policy.sitePolicy.egress;
    const movedPath = kind === 'detached' ? store.movedPath(id) : undefined;
    const shared = { lookupTurns, siblings, onQuestions, denials: monitoring?.denials };
    return { movedPath, id, audit, clock: maker.clock, ask, ...shared };
  }

  #brokerParts(id: SessionId, given: GivenKeys): BrokerParts {
    const { audit, kind, maker, monitoring, keys: sources = noKeySources, policy, store } = this.#options;
    const { broker: rules } = policy.sitePolicy;
    const spentPath = kind === 'detached' ? store.spentPath(id) : undefined;
    return { id, audit, clock: maker.clock, rules, sources, given, spentPath, denials: monitoring?.denials };
  }
}
