import { dirname } from 'node:path';
import { formatBytes } from '../../core/units.js';
import { type DoctorCheck, type DoctorContext, type FileFacts, type Finding, fail, pass, warn } from '../context.js';
import { word } from '../shell.js';

const leastFreeBytes = 1024 ** 3;

/** Records prove what is ours: nobody else may write them, and there must be room for them. */
export const stateFolderCheck: DoctorCheck = {
  id: 'state-folder',
  title: 'The state folder is ours alone and has room',
  async run(ctx) {
    const { stateDir } = ctx.paths;
    const facts = await ctx.files.linkFacts(stateDir);
    if (facts === undefined) return await notYetThere(ctx, stateDir);
    const problem = await judgeOwn(ctx, stateDir, facts);
    if (problem !== undefined) return problem;
    const free = await ctx.files.freeBytes(stateDir);
    const evidence = `${stateDir} is ours, mode 0700, ${free === undefined ? 'free space unknown' : `${formatBytes(free)} free`}`;
    if (free !== undefined && free < leastFreeBytes)
      return warn(evidence, `df -h ${word(stateDir)}; then \`paddock prune\`, and make room.`);
    return pass(evidence);
  },
};

async function notYetThere(ctx: DoctorContext, stateDir: string): Promise<Finding> {
  let parent = dirname(stateDir);
  while (parent !== '/' && (await ctx.files.facts(parent)) === undefined) parent = dirname(parent);
  if (await ctx.files.isWritable(parent)) return pass(`${stateDir} is made when it is needed`);
  const make = `sudo install -d -m 700 -o ${ctx.user.uid} -g ${ctx.user.gid} ${word(stateDir)}`;
  return fail(`${stateDir} does not exist, and ${parent} is not writable`, make);
}

/** A folder that must be this user's alone; undefined when it is. */
export async function judgeOwn(ctx: DoctorContext, path: string, facts: FileFacts): Promise<Finding | undefined> {
  const own = `sudo chown ${ctx.user.uid}:${ctx.user.gid} ${word(path)} && chmod 700 ${word(path)}`;
  if (facts.kind !== 'folder')
    return fail(`${path} is not a folder but a ${facts.kind}`, `mv ${word(path)} ${word(`${path}.old`)}`);
  if (facts.uid !== ctx.user.uid) return fail(`${path} belongs to uid ${facts.uid}`, own);
  if ((facts.mode & 0o077) !== 0) {
    return fail(`${path} has mode 0${(facts.mode & 0o777).toString(8)}: others get in`, `chmod 700 ${word(path)}`);
  }
  if (!(await ctx.files.isWritable(path)))
    return fail(
      `${path} is not writable`,
      `chmod 700 ${word(path)}; if it stays, the file system is read-only or full: \`df -h ${word(path)}\``,
    );
  return undefined;
}
