import { egressPorts, type PublishedPort } from '../core/egress.js';
import { deny } from './verdict.js';

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const written = /^(?:([a-z][a-z0-9-]{0,31})=)?(\d{1,5})$/;
const own: readonly number[] = Object.values(egressPorts);

/** What a session publishes to its siblings, who reach it by its name. Denials: internal.ports. */
export function decidePorts(
  asked: readonly (string | number)[] | undefined,
  sessionName: string | undefined,
): readonly PublishedPort[] {
  if (asked === undefined || asked.length === 0) return [];
  if (sessionName === undefined) deny('internal.ports', 'a session that publishes ports needs a name');
  if (!label.test(sessionName)) deny('internal.ports', `${sessionName}.internal is no host name`);
  const ports = asked.map((one) => readPort(String(one)));
  const names = ports.flatMap(({ name }) => name ?? []);
  if (new Set(ports.map(({ port }) => port)).size < ports.length || new Set(names).size < names.length)
    deny('internal.ports', 'a port or a name of one is published twice');
  return ports;
}

function readPort(text: string): PublishedPort {
  const [, name, digits = ''] = written.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port < 1 || port > 65_535) deny('internal.ports', `not a port to publish: ${text}`);
  // Whoever connects there would be let out by this session's list.
  if (own.includes(port)) deny('internal.ports', `${port} is where this session's own way out listens`);
  return name === undefined ? { port } : { port, name };
}
