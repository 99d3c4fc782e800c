import { z } from 'zod';
import { type DoctorCheck, type DoctorContext, engineOf, hostsOwn, noEngine, pass, warn } from '../context.js';
import { word } from '../shell.js';

/** As containers-policy.json(5) has it; what it says of single registries is only counted. That of all of them (`""` of `docker`) goes before the default. */
const requirements = z.array(z.object({ type: z.string() })).min(1);
const policyFile = z.object({
  default: requirements,
  transports: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
});

/** Who has to have signed an image that is pulled: Podman's own file, of which Paddock changes nothing. */
export const signaturePolicyCheck: DoctorCheck = {
  id: 'signature-policy',
  title: 'Whose signatures images need is decided',
  async run(ctx) {
    const engine = engineOf(ctx);
    if (engine === undefined) return noEngine;
    if (engine.identity.kind === 'docker') return pass('Docker has no policy of signatures');
    if (ctx.isContained) return hostsOwn("the host's policy.json");
    const found = await firstOf(ctx, [
      `${ctx.paths.home}/.config/containers/policy.json`,
      '/etc/containers/policy.json',
    ]);
    if (found === undefined) return pass('there is no policy.json, without which Podman pulls nothing');
    const read = parsed(found.text);
    if (read === undefined)
      return warn(
        `${found.path} is not what containers-policy.json(5) says`,
        `podman image trust show; $EDITOR ${word(found.path)}`,
      );
    const types = [...new Set(ofRegistries(read).map(({ type }) => type))].join(', ');
    const own = Object.values(read.transports ?? {}).reduce((sum, scopes) => sum + Object.keys(scopes).length, 0);
    const evidence = `${found.path}: by default ${types}, ${own} places with rules of their own`;
    if (!types.includes('insecureAcceptAnything')) return pass(evidence);
    const { pullAllowed, imageRules } = ctx.sitePolicy;
    if (!pullAllowed) return pass(`${evidence}; the site policy lets Paddock pull nothing`);
    if (imageRules.pinned) return pass(`${evidence}; the site policy wants images named by digest`);
    return warn(
      `${evidence}; and the site policy allows pulling`,
      'podman image trust set --type reject default, then `podman image trust set --type signedBy …` for the registries that you use; or `images.pinned = true` in the site policy.',
    );
  },
};

/** What holds of an image of a registry that has no rules of its own. */
function ofRegistries({ default: all, transports }: z.output<typeof policyFile>): readonly { type: string }[] {
  return requirements.safeParse(transports?.['docker']?.['']).data ?? all;
}

async function firstOf(
  ctx: DoctorContext,
  paths: readonly string[],
): Promise<{ path: string; text: string } | undefined> {
  for (const path of paths) {
    const text = await ctx.files.readText(path);
    if (text !== undefined) return { path, text };
  }
  return undefined;
}

function parsed(text: string): z.output<typeof policyFile> | undefined {
  try {
    return policyFile.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
