import { egressPorts } from '../core/egress.js';
import { presetNames, presetOf, presetText } from '../core/egress-presets.js';
import type { SitePolicy } from '../core/site-policy.js';
import { type NetworkMode, networkModes, type SandboxSpec } from '../core/spec.js';
import { admitRule } from './egress/decide.js';
import { proxyEnvironment } from './egress/environment.js';
import { isWithin } from './egress/match.js';
import { howToAdd } from './egress/remedy.js';
import { type EgressRule, parseRule } from './egress/rule.js';
import { decidePorts } from './internal.js';
import type { ParsedCreateRequest } from './request.js';
import { deny } from './verdict.js';

export interface DecidedNetwork {
  readonly spec: Pick<SandboxSpec, 'network' | 'egress' | 'ports'>;
  /** What programs inside find the way out by. */
  readonly env: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
}

export type AskedNetwork = Pick<ParsedCreateRequest, 'allow' | 'ports' | 'name'> & {
  readonly network: string | undefined;
};

/** The network of a request: none, siblings, or what of the outside it may reach. A list alone asks for the mode that goes with it. */
export function decideNetwork(asked: AskedNetwork, sitePolicy: SitePolicy): DecidedNetwork {
  const { allow, ports } = asked;
  const mode = asked.network ?? usualMode(asked, sitePolicy);
  // Engines read an empty or unknown mode as a bridge, so only the exact words pass.
  if (!isKnown(mode)) deny('network.mode', `network ${mode} is not available in this version`);
  if (mode !== 'internal' && ports !== undefined)
    deny('request.conflict', `ports are for siblings, and network is ${mode}`);
  if (mode === 'none' || mode === 'open') {
    if (allow !== undefined) deny('request.conflict', `allow lists what may be reached, and network is ${mode}`);
    if (mode === 'open') mustBeAllowed(mode, sitePolicy);
    return { spec: { network: mode }, env: {}, notes: mode === 'open' ? [openNote] : [] };
  }
  mustBeAllowed(mode, sitePolicy);
  if (mode === 'internal' && allow !== undefined) mustBeAllowed('allowlist', sitePolicy);
  const published = mode === 'internal' ? { ports: decidePorts(ports, asked.name) } : {};
  const listed = mode === 'internal' && allow === undefined ? undefined : listedRules(allow ?? [], sitePolicy);
  const { egressConnections: connections, egressBytes: bytes, egressBytesPerSecond } = sitePolicy.ceilings;
  const rules = { allow: listed?.rules ?? [], asked: listed?.own ?? [] };
  const egress = { ...rules, connections, bytes, bytesPerSecond: egressBytesPerSecond };
  return {
    spec: { network: mode, egress, ...published },
    env: proxyEnvironment({ httpPort: egressPorts.http }),
    notes: listed?.notes ?? [],
  };
}

const openNote =
  'network open: what programs reach is neither decided nor recorded here, and what they can read they can send anywhere';

function usualMode({ allow, ports }: AskedNetwork, { defaults }: SitePolicy): NetworkMode {
  if (ports !== undefined) return 'internal';
  return allow === undefined ? defaults.network : 'allowlist';
}

function isKnown(mode: string): mode is NetworkMode {
  return networkModes.some((one) => one === mode);
}

function mustBeAllowed(mode: NetworkMode, { networks }: SitePolicy): void {
  if (networks.includes(mode)) return;
  deny('network.not-allowed', `the policy allows ${['none', ...networks].join(', ')}, not ${mode}`);
}

function listedRules(allow: readonly string[], sitePolicy: SitePolicy) {
  const { approved, ask } = sitePolicy.egress;
  const own = [...new Set(allow.map((text) => admitted(text, sitePolicy)))];
  const rules = [...new Set([...own, ...approved])];
  return {
    own,
    rules,
    notes: rules.length === 0 && ask.length === 0 ? ['allow is empty: every connection is refused'] : [],
  };
}

/** The canonical text of one line of a request's list. Denials: egress.*. */
function admitted(text: string, { egress }: SitePolicy): string {
  const preset = presetOf(text);
  const isOpen = egress.allow.includes('*');
  if (preset !== undefined) {
    if (isOpen || egress.allow.includes(presetText(preset))) return presetText(preset);
    deny('egress.ceiling', `the policy's list does not have ${presetText(preset)}`, howToAdd(presetText(preset)));
  }
  if (text.startsWith('preset:')) deny('egress.rule', `${text} is no preset; there are ${presetNames.join(', ')}`);
  const verdict = admitRule(text, { openAllowed: isOpen, ceiling: ceilingRules(egress.allow) });
  if (verdict.verdict === 'deny') deny(verdict.ruleId, `${verdict.reason}${perhapsPreset(text)}`, verdict.hint);
  return verdict.rule.text;
}

/** What is one word is a name in the host's own network, or a preset that was misspelt. */
function perhapsPreset(text: string): string {
  return /^[a-z0-9-]+$/i.test(text) ? `, and presets are ${presetNames.join(', ')}` : '';
}

/** Whether one line of a list, in its canonical form, lets through no more than the other list does. */
export function isReachable(text: string, list: readonly string[]): boolean {
  if (list.includes(text) || list.includes('*')) return true;
  const [rule] = ceilingRules([text]);
  return rule !== undefined && isWithin(rule, ceilingRules(list));
}

/** The rules of a site's list, which `config` has read before; presets are no rules. */
export function ceilingRules(texts: readonly string[]): readonly EgressRule[] {
  return texts.flatMap((text) => {
    const reading = presetOf(text) === undefined ? parseRule(text, { openAllowed: true }) : undefined;
    return reading !== undefined && 'rule' in reading ? [reading.rule] : [];
  });
}
