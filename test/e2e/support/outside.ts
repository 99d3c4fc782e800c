import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Place } from './place.js';

/** A server on the host's loopback, as something that a sandbox may want to reach. */
export interface Outside extends AsyncDisposable {
  readonly port: number;
  /** The rule that lets it through, in the canonical form. */
  readonly rule: string;
  readonly url: string;
}

export async function openOutside(text = 'from outside'): Promise<Outside> {
  const server = createServer((_, response) => response.end(text));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const rule = `http://127.0.0.1:${port}`;
  return {
    ...{ port, rule, url: `${rule}/` },
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A line of shell that asks the proxy inside for a page and prints its status: `NO_PROXY` keeps curl from asking it for the loopback. */
export function fetching(url: string): string {
  return `python3 -I -c '
import http.client
c = http.client.HTTPConnection("127.0.0.1", 61128, timeout=30)
c.request("GET", "${url}")
print(c.getresponse().status)
'`;
}

/** Settings of a user who is their own site, in a place of a test. Returns what the environment needs for it. */
export function ownEgress(
  place: Place,
  { allow = [], ask = [] }: { readonly allow?: readonly string[]; readonly ask?: readonly string[] },
): Readonly<Record<string, string>> {
  const settings = join(place.root, 'config/paddock');
  mkdirSync(settings, { recursive: true, mode: 0o700 });
  const text = `[policy.egress]\nallow = ${JSON.stringify(allow)}\nask = ${JSON.stringify(ask)}\n`;
  writeFileSync(join(settings, 'config.toml'), text, { mode: 0o600 });
  return { XDG_CONFIG_HOME: join(place.root, 'config') };
}
