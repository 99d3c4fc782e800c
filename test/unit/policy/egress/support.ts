import fc from 'fast-check';
import type { EgressList, EgressWish } from '../../../../src/policy/egress/decide.js';
import { brokeredHosts } from '../../../../src/policy/egress/decide.js';
import { readHost } from '../../../../src/policy/egress/host.js';
import { type EgressRule, parseRule, type Scheme } from '../../../../src/policy/egress/rule.js';

export function ruleOf(text: string, openAllowed = false): EgressRule {
  const reading = parseRule(text, { openAllowed });
  if ('problem' in reading) throw new Error(reading.problem);
  return reading.rule;
}

export function listOf(texts: readonly string[], brokered: readonly string[] = []): EgressList {
  return { rules: texts.map((text) => ruleOf(text, true)), brokered: brokeredHosts(brokered) };
}

export const anyScheme: readonly Scheme[] = ['http', 'https', 'tcp'];

export function wishOf(raw: string, port: number, schemes: readonly Scheme[] = anyScheme): EgressWish {
  const reading = readHost(raw);
  if ('problem' in reading) throw new Error(reading.problem);
  return { host: reading.host, port, schemes };
}

const word = fc.constantFrom('a', 'b', 'evil', 'allowed', 'xn--fa-hia');
export const nameArbitrary = fc
  .tuple(fc.array(word, { maxLength: 3 }), word, fc.constantFrom('com', 'org'))
  .map(([front, middle, top]) => [...front, middle, top].join('.'));
const networkArbitrary = fc.constantFrom('127.0.0.1', '10.0.0.0/8', '10.1.0.0/16', '[::1]', '[fd00::]/8', '8.8.8.8');
const hostArbitrary = fc.oneof(
  nameArbitrary,
  nameArbitrary.map((name) => `*.${name}`),
  networkArbitrary,
  fc.constant('*'),
);
const portArbitrary = fc.constantFrom(22, 80, 443, 8443);
/** Texts of rules that parse, where everything may be said. */
export const ruleTextArbitrary = fc
  .tuple(fc.constantFrom('', 'http://', 'https://', 'tcp://', 'ssh://'), hostArbitrary, fc.option(portArbitrary))
  .map(([scheme, host, port]) => {
    const wanted = port ?? (scheme === 'tcp://' || scheme === 'ssh://' ? 22 : undefined);
    return `${scheme}${host}${wanted === undefined ? '' : `:${wanted}`}`;
  });
export const wishArbitrary = fc
  .tuple(fc.oneof(nameArbitrary, fc.constantFrom('127.0.0.1', '10.1.2.3', '::1', '8.8.8.8')), portArbitrary)
  .map(([host, port]) => wishOf(host, port));
