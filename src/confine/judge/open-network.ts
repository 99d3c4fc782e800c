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
  const found = seen.networkHelpers ?? [];
  const helpers = found.filter(hasWords);
  if (helpers.length === 0) {
    const unread = found.map(({ name }) => name).join(' ');
    const note = `Nobody was found who joins it to the host’s network, so nothing tells what of the host it reaches.${
      unread === '' ? '' : ` The kernel does not show of whom these carry packets: ${unread}.`
    }`;
    return control('network', { asked, engine, kernel: devices }, 'unknown', note);
  }
  const kernel = `${devices}, by ${helpers.map(({ name }) => name).join(' ')}`;
  const open = helpers.find((helper) => !isClosed(helper));
  if (open === undefined) return control('network', { asked, engine, kernel }, 'enforced');
  const note = `${open.name} was started so that the host’s loopback can be reached: ${safeLine(open.argv.join(' '), 160)}`;
  return control('network', { asked, engine, kernel }, 'absent', note);
};

type HelperRead = NetworkHelperSeen & { readonly argv: readonly string[] };

function hasWords(helper: NetworkHelperSeen): helper is HelperRead {
  return helper.argv !== undefined;
}

/** By what each was told: its defaults lead to the host. */
export function isClosed({ name, argv }: HelperRead): boolean {
  if (name === 'slirp4netns') return argv.includes('--disable-host-loopback');
  const isTold = (...options: readonly string[]) => argv.some((word) => options.includes(word.split('=', 1)[0] ?? ''));
  const hasNoGateway = argv.includes('--no-map-gw') || isTold('--map-host-loopback');
  // Ports of its own loopback would be those of the host's where nothing is said (`auto`).
  const hasNoPorts = isTold('-T', '--tcp-ns') && isTold('-U', '--udp-ns');
  const options = ['-T', '--tcp-ns', '-U', '--udp-ns', '--map-host-loopback', '--map-guest-addr'];
  const isNone = options.every((option) => valuesOf(argv, option).every((value) => value === 'none'));
  return hasNoGateway && hasNoPorts && isNone && !argv.some((word) => word.length > 2 && '--map-gw'.startsWith(word));
}

/** Of an option in every spelling that getopt takes: the value in the same word, and long names cut short. */
function valuesOf(argv: readonly string[], option: string): readonly (string | undefined)[] {
  return argv.flatMap((word, at) => {
    if (!option.startsWith('--')) {
      if (!word.startsWith(option)) return [];
      return [word === option ? argv[at + 1] : word.slice(option.length)];
    }
    const [name = '', value] = word.split('=', 2);
    return name.length > 2 && option.startsWith(name) ? [value ?? argv[at + 1]] : [];
  });
}
