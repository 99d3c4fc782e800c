import { type DoctorCheck, fail, pass } from '../context.js';
import { word } from '../shell.js';
import { judgeOwn } from './state-folder.js';

/** Engines and Paddock keep their sockets there. */
export const runtimeFolderCheck: DoctorCheck = {
  id: 'runtime-folder',
  title: 'The runtime folder is ours alone',
  async run(ctx) {
    const { runtimeDir } = ctx.paths;
    const facts = await ctx.files.linkFacts(runtimeDir);
    if (facts !== undefined)
      return (await judgeOwn(ctx, runtimeDir, facts)) ?? pass(`${runtimeDir} is ours, mode 0700`);
    const hasSystemd = (await ctx.files.facts('/run/systemd/system')) !== undefined;
    const make = `sudo install -d -m 700 -o ${ctx.user.uid} -g ${ctx.user.gid} ${word(runtimeDir)}`;
    return fail(
      `${runtimeDir} does not exist`,
      hasSystemd ? `sudo loginctl enable-linger ${word(ctx.user.name)}` : make,
    );
  },
};
