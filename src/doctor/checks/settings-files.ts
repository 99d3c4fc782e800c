import { dirname } from 'node:path';
import { type DoctorCheck, type DoctorContext, fail, pass } from '../context.js';
import { word } from '../shell.js';

/** Whoever writes the settings decides what is refused. */
export const settingsFilesCheck: DoctorCheck = {
  id: 'settings-files',
  title: 'Nobody else writes the settings',
  async run(ctx) {
    const looked = await Promise.all(ctx.paths.settings.map((path) => problemOf(ctx, path)));
    const problems = looked.flatMap((one) => one.problem ?? []);
    if (problems.length > 0) {
      return fail(problems.map((p) => p.evidence).join('; '), problems.map((p) => p.remedy).join(' && '));
    }
    const present = looked.filter((one) => one.isThere).map((one) => one.path);
    return pass(present.length === 0 ? 'there are none: built-in settings' : present.join(', '));
  },
};

interface Looked {
  readonly path: string;
  readonly isThere: boolean;
  readonly problem?: { readonly evidence: string; readonly remedy: string };
}

/** The file and its folder belong to root or the user (below /etc: to root) and no one else can write them. */
async function problemOf(ctx: DoctorContext, path: string): Promise<Looked> {
  if ((await ctx.files.facts(path)) === undefined) return { path, isThere: false };
  for (const one of [path, dirname(path)]) {
    const facts = await ctx.files.facts(one);
    if (facts === undefined) continue;
    const isSites = path.startsWith('/etc/');
    if (facts.uid !== 0 && (isSites || facts.uid !== ctx.user.uid)) {
      const owner = isSites ? 'root:root' : `${ctx.user.uid}:${ctx.user.gid}`;
      return {
        path,
        isThere: true,
        problem: { evidence: `${one} belongs to uid ${facts.uid}`, remedy: `sudo chown ${owner} ${word(one)}` },
      };
    }
    if ((facts.mode & 0o022) !== 0) {
      const sudo = facts.uid === ctx.user.uid ? '' : 'sudo ';
      return {
        path,
        isThere: true,
        problem: { evidence: `others can write ${one}`, remedy: `${sudo}chmod go-w ${word(one)}` },
      };
    }
  }
  return { path, isThere: true };
}
