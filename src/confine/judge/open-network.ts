import { safeLine } from '../../kit/safe-text.js';
import type { NetworkHelperSeen } from '../observe-network.js';
import { control, type Judge } from './control.js';

/**
 * The engine's network: a namespace of the sandbox's own (which `judgeNetwork` has looked at), joined to the host's by helpers whose own words
 * say that the host's loopback, and what stands for it, stay closed. Fails closed: one that is not found, or not known, is no answer.
 */
export const judgeOpenNetwork: Judge = (seen, { claims }) => {
  const asked = 'open, without the host’s loopback';
  const engine = claims.networkMode === undefined ? undefined : safeLine(claims.networkMode, 60);
  const devices = (seen.interfaces ?? []).map((name) => safeLine(name, 20)).join(' ');
  const helpers = seen.networkHelpers ?? [];
  if (helpers.length === 0) {
    const note = 'Nobody was found who joins it to the host’s network, so nothing tells what of the host it reaches.';
    return control('network', { asked, engine, kernel: devices }, 'unknown', note);
  }
  const kernel = `${devices}, by ${helpers.map(({ name }) => name).join(' ')}`;
  const open = helpers.find((helper) => !isClosed(helper));
  if (open === undefined) return control('network', { asked, engine, kernel }, 'enforced');
  const note = `${open.name} was started so that the host’s loopback can be reached: ${safeLine(open.argv.join(' '), 160)}`;
  return control('network', { asked, engine, kernel }, 'absent', note);
};

/** By what each was told: its defaults lead to the host. */
export function isClosed({ name, argv }: NetworkHelperSeen): boolean {
  if (name === 'slirp4netns') return argv.includes('--disable-host-loopback');
  const valuesOf = (...options: readonly string[]) =>
    argv.flatMap((word, at) => {
      const [option = '', value] = word.startsWith('--') ? word.split('=', 2) : [word];
      return options.includes(option) ? [value ?? argv[at + 1]] : [];
    });
  const isNone = (...options: readonly string[]) => valuesOf(...options).every((value) => value === 'none');
  const isTold = (...options: readonly string[]) => valuesOf(...options).length > 0 && isNone(...options);
  const hasNoGateway = argv.includes('--no-map-gw') || isTold('--map-host-loopback');
  // Ports of its own loopback would be those of the host's where nothing is said (`auto`).
  const hasNoPorts = isTold('-T', '--tcp-ns') && isTold('-U', '--udp-ns');
  return (
    hasNoGateway &&
    hasNoPorts &&
    isNone('--map-host-loopback') &&
    isNone('--map-guest-addr') &&
    !argv.includes('--map-gw')
  );
}
