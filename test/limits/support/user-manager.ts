import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { request } from 'node:http';

export const userRuntime = `/run/user/${process.getuid?.()}`;

/** Where systemd/paddock.socket listens. */
export const mcpSocket = `${userRuntime}/paddock/mcp.sock`;

export function systemctl(...args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync('systemctl', ['--user', ...args], { encoding: 'utf8' });
}

/** Whether a test of units has nothing to talk to, and need not have. */
export function lacksManager(): boolean {
  const isRequired = process.env['PADDOCK_TEST_REQUIRE']?.split(',').includes('systemd') === true;
  return !isRequired && systemctl('show', '--property=Version').status !== 0;
}

/** What the manager says of a unit. */
export function property(unit: string, name: string): string {
  return systemctl('show', '--value', `--property=${name}`, unit).stdout.trim();
}

/** What a service is at, and how it ended: `inactive success`. */
export function stateOf(service: string): string {
  return `${property(service, 'ActiveState')} ${property(service, 'Result')}`;
}

/** The status of a request without a key. */
export function askWithoutKey(): Promise<unknown> {
  return new Promise((answered, failed) => {
    const sent = request({ socketPath: mcpSocket, path: '/mcp', method: 'POST', headers: { host: 'localhost' } });
    sent.on('response', (answer) => answered(answer.resume().statusCode));
    sent.on('error', failed).end();
  });
}
