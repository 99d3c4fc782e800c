import { dirname } from 'node:path';

// As many as the kernel follows.
const maxLinks = 40;

/** What is at a place: a link, or what it really is. */
export type Found = { readonly link: string } | { readonly real: string };

/**
 * Goes along an absolute path one name at a time, also along those that links say, and returns where that ends. `look` is asked what is at each place,
 * whose folder is one with links resolved; `isLast`: no name comes behind it. Undefined where `look` has nothing to say, or after more links than the
 * kernel follows. Rejects as `look` does.
 */
export async function followLinks(
  path: string,
  look: (place: string, isLast: boolean) => Promise<Found | undefined>,
): Promise<string | undefined> {
  // The next one is the last.
  const names = path.split('/').toReversed();
  let real = '/';
  let links = 0;
  for (let name = names.pop(); name !== undefined; name = names.pop()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      // What holds a folder with links resolved is a folder.
      real = dirname(real);
      continue;
    }
    const found = await look(`${real === '/' ? '' : real}/${name}`, names.length === 0);
    if (found === undefined) return undefined;
    if ('real' in found) {
      real = found.real;
      continue;
    }
    links += 1;
    if (links > maxLinks) return undefined;
    names.push(...found.link.split('/').toReversed());
    if (found.link.startsWith('/')) real = '/';
  }
  return real;
}
