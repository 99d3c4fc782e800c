import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { ConfigError, PaddockError } from '../core/errors.js';
import type { Tls } from '../mcp/http/listen.js';
import { type CommandContext, text } from './command.js';

const hint = '--tls-cert takes the chain, the own certificate first, and --tls-key the key of that, both PEM.';

/** The certificate and the key that were asked for, once they are known to belong together (`BAD_CONFIG`); undefined: there is to be no TLS. */
export async function readTls(context: CommandContext): Promise<Tls | undefined> {
  const [cert, key] = [text(context, 'tls-cert'), text(context, 'tls-key')];
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new PaddockError('BAD_ARGUMENT', '--tls-cert and --tls-key go together');
  }
  const read = (path: string) =>
    readFile(path).catch((cause: unknown) => {
      throw new ConfigError('BAD_CONFIG', `${path} could not be read`, { cause });
    });
  const { uid, mode } = await stat(key).catch(() => ({ uid: -1, mode: 0 }));
  if (uid !== process.geteuid?.() || (mode & 0o077) !== 0) {
    throw new ConfigError('BAD_CONFIG', `${key} is not there, not yours, or others can read it: chmod 600`);
  }
  const tls = { cert: await read(cert), key: await read(key) };
  if (!isPair(tls))
    throw new ConfigError('BAD_CONFIG', `${key} is not the key of the first certificate in ${cert}`, { hint });
  return tls;
}

/** OpenSSL itself says so of two of one kind only: a certificate for RSA goes with a key for ECDSA until the first client comes, and then no handshake works. */
function isPair({ cert, key }: Tls): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    // OpenSSL says what is wrong with either, when it is given them.
    return true;
  }
}

/** What clients will not like about a certificate, for the server's log: it can't be seen from here who trusts whom. */
export function doubtsOf({ cert }: Tls, names: readonly string[], nowMs: number): readonly string[] {
  const own = new X509Certificate(cert);
  const [fromMs, toMs] = [Date.parse(own.validFrom), Date.parse(own.validTo)];
  const uncovered = names.filter((name) => (isIP(name) === 0 ? own.checkHost(name) : own.checkIP(name)) === undefined);
  return [
    ...(nowMs < fromMs ? [`the certificate is good only from ${own.validFrom}`] : []),
    ...(nowMs > toMs ? [`the certificate was good until ${own.validTo}`] : []),
    ...uncovered.map((name) => `the certificate is not for ${name}`),
  ];
}
