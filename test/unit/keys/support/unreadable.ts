import { once } from 'node:events';
import { rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';

/**
 * Makes a file of ours one that the kernel does not give out (ENXIO: a socket is in its place), whoever asks: a mode would keep nothing from root. What
 * is returned brings it back.
 */
export async function makeUnreadable(path: string): Promise<() => Promise<void>> {
  const aside = `${path}.aside`;
  await rename(path, aside);
  const server = createServer().listen(path);
  await once(server, 'listening');
  return async () => {
    server.close();
    await rm(path, { force: true });
    await rename(aside, path);
  };
}
