import { connect } from 'node:net';
import { codeOf } from './error-code.js';

const patienceMs = 2000;

/** Whether somebody listens at a Unix socket. Who does not answer in two seconds may only be busy, and counts as listening. */
export function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(patienceMs, () => done(true));
    socket.once('connect', () => done(true));
    socket.once('error', (error) => done(!['ECONNREFUSED', 'ENOENT', 'ENOTSOCK'].includes(codeOf(error) ?? '')));
  });
}
