import { type DoctorCheck, fail, pass } from '../context.js';
import { installCommand, word } from '../shell.js';

/** No sandbox starts without our process 1. */
export const initCheck: DoctorCheck = {
  id: 'init',
  title: "paddock-init, every sandbox's first program, is there",
  async run(ctx) {
    const { init, installation } = ctx.paths;
    const facts = await ctx.files.facts(init);
    if (facts?.kind === 'file' && (facts.mode & 0o111) !== 0) return pass(`${init}, ${facts.sizeBytes} bytes`);
    const compiler = await installCommand(ctx, { apt: 'musl-tools', dnf: 'gcc glibc-static' });
    const evidence = facts === undefined ? `${init} does not exist` : `${init} is not a program`;
    return fail(evidence, `${compiler} && cd ${word(installation)} && npm run build`);
  },
};
