import { ConfigError } from '../../core/errors.js';
import type { Opening } from './endpoint.js';

/** The first one that a service manager hands over: SD_LISTEN_FDS_START of sd_listen_fds(3). */
const firstFd = 3;
const nameOfOurs = 'mcp';

/**
 * The listening socket that a service manager handed over (sd_listen_fds(3)): the only one, or of several the one named `mcp`. Takes what
 * says so out of `env`, since a child would take it for its own; the socket itself no child gets, as Node closes what it was handed on exec.
 * Errors: BAD_CONFIG.
 */
export function takeActivation(env: Record<string, string | undefined>, pid: number): Opening {
  const { LISTEN_PID: forPid, LISTEN_FDS: count = '', LISTEN_FDNAMES: names = '' } = env;
  delete env['LISTEN_PID'];
  delete env['LISTEN_FDS'];
  delete env['LISTEN_FDNAMES'];
  if (forPid === undefined) throw bad('no socket was handed over');
  // What was meant for a process above us: its descriptors may be anything here.
  if (forPid !== String(pid))
    throw bad(`sockets were handed over to process ${forPid.slice(0, 20)}, and this is ${pid}`);
  if (!/^[1-9]\d?$/.test(count)) throw bad(`LISTEN_FDS is ${JSON.stringify(count.slice(0, 20))}`);
  if (count === '1') return { kind: 'inherited', fd: firstFd };
  const ours = names.split(':').flatMap((name, index) => (name === nameOfOurs ? [index] : []));
  const [index, another] = ours;
  if (index === undefined || another !== undefined || index >= Number(count)) {
    throw bad(`${count} sockets were handed over, and not exactly one of them is named ${nameOfOurs}`);
  }
  return { kind: 'inherited', fd: firstFd + index };
}

function bad(message: string): ConfigError {
  return new ConfigError('BAD_CONFIG', message, {
    hint: 'Start it by a socket unit, with one ListenStream= (systemd/paddock.socket), or name the address: --http 127.0.0.1:8484.',
  });
}
