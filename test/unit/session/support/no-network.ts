import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { pidNamespaceOf, startTicksOf } from '../../../../src/sandbox/processes.js';
import type { Session } from '../../../../src/session/session.js';

/** Makes this process stand for process 1 of the session: what the kernel counts for it is what is counted here. */
export function standIn(session: Pick<Session, 'sandbox'>): void {
  const { pid } = process;
  const here = { initPid: pid, namespace: pidNamespaceOf(pid), initStartTicks: startTicksOf(pid) };
  Object.assign(session.sandbox.handle, here);
}

/** A datagram to a port of the loopback that was somebody's until just now: the kernel counts it. */
export async function askNobody(): Promise<void> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  const asking = createSocket('udp4');
  await new Promise((resolve) => asking.send('?', port, '127.0.0.1', resolve));
  await new Promise<void>((resolve) => asking.close(resolve));
}
