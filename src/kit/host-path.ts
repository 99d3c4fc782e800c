import { realpath } from 'node:fs/promises';
import { isAbsolute, normalize } from 'node:path';
import { isOwnFolder } from './owned-folder.js';
import { isInside } from './path-containment.js';

/** Only root makes a folder there; an empty PATH would mean the working directory. */
const nowhere = '/nonexistent';

/**
 * The PATH on which the user's own programs are looked for: without what a project, or a sandbox that writes it, fills as it likes. `npx` and `npm exec`
 * put `node_modules/.bin` of the working directory first, and whoever works in a project has its `.venv/bin` there. Left out are entries that are relative,
 * in a `node_modules`, in one of these projects or in the working directory (unless the home folder is in that), whatever links lead there, and
 * those that somebody else can put programs into. Undefined where there is no PATH.
 */
export async function hostPath(
  env: Readonly<Record<string, string | undefined>>,
  projects: readonly string[] = [],
): Promise<string | undefined> {
  const { PATH, HOME = '/' } = env;
  if (PATH === undefined) return undefined;
  const [here, home] = [process.cwd(), normalize(HOME)];
  // A server is started in / or in the home folder, where the user's own tools are.
  const kept = isInside(home, here) || isInside(await real(home), here) ? projects : [...projects, here];
  const folders = [...kept, ...(await Promise.all(kept.map(real)))];
  const callerUid = process.geteuid?.() ?? 0;
  const entries = PATH.split(':').filter(isAbsolute);
  const checked = await Promise.all(
    entries.map(async (entry) => {
      const places = [normalize(`${entry}/.`), await real(entry)].map((place) => place.replace(/(?<=.)\/+$/, ''));
      const isLeftOut = places.some((place) => isProjects(place, folders) || !isOwnFolder(place, callerUid));
      return isLeftOut ? [] : [entry];
    }),
  );
  return checked.flat().join(':') || nowhere;
}

function isProjects(place: string, folders: readonly string[]): boolean {
  return place.split('/').includes('node_modules') || folders.some((folder) => isInside(place, folder));
}

async function real(path: string): Promise<string> {
  return realpath(path).catch(() => normalize(path));
}
