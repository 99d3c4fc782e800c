import type { EgressSpec } from '../../core/egress.js';
import { type PresetName, presetOf } from '../../core/egress-presets.js';
import type { PresetContext } from '../../egress/presets/preset.js';
import { presetRules, unknownHere } from '../../egress/presets/presets.js';
import { parseRule } from '../../policy/egress/rule.js';

/**
 * The list with each preset replaced by the hosts that it stands for on this machine, for the whole life of the session: what a tool's
 * settings say later is for later ones. Errors: PRESET_UNKNOWN_HERE.
 */
export async function expandPresets(spec: EgressSpec, context: PresetContext | undefined): Promise<EgressSpec> {
  const lists = await Promise.all(
    spec.allow.map(async (text) => {
      const preset = presetOf(text);
      if (preset === undefined) return [text];
      if (context === undefined) throw unknownHere(preset, 'this process does not ask for the settings of tools');
      return (await presetRules(preset, context)).map((rule) => read(rule, preset));
    }),
  );
  return { ...spec, allow: [...new Set(lists.flat())] };
}

/** A tool's settings are the user's own, and yet they may hold what no rule can be made of. */
function read(text: string, preset: PresetName): string {
  const reading = parseRule(text, { openAllowed: false });
  if ('rule' in reading) return reading.rule.text;
  throw unknownHere(preset, reading.problem);
}
