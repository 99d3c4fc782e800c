/** Tools whose registries can be allowed by the tool's name; which hosts those are is in the user's and the system's settings of the tool. */
export const presetNames = ['apt', 'cargo', 'git', 'go', 'npm', 'pip'] as const;
export type PresetName = (typeof presetNames)[number];

const prefix = 'preset:';

/** The tool of `preset:NAME`, or of a bare name of one, which is no host: those have dots. Undefined for everything else. */
export function presetOf(text: string): PresetName | undefined {
  const name = text.startsWith(prefix) ? text.slice(prefix.length) : text;
  return presetNames.find((one) => one === name);
}

export function presetText(name: PresetName): string {
  return `${prefix}${name}`;
}
