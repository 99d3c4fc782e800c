/**
 * What lets a rule through, for whoever reads a refusal: in the request, and in the policy's list where that lacks it. Refusals show 300
 * characters, which is enough for rules of up to 40.
 */
export function howToAllow(rule: string): string {
  return `Allow it: \`--allow ${rule}\`, or \`allow\` of create_session; if the policy lacks it, ${linesFor(rule)}`;
}

/** The same for a rule that was asked for and is not in the policy's list. */
export function howToAdd(rule: string): string {
  return `Ask for what the list has, or ${linesFor(rule)} A running server has to be started anew.`;
}

/** Whoever has lines of their own there already adds to them. */
function linesFor(rule: string): string {
  return `put \`[policy.egress]\`, \`allow = ["${rule}"]\` into ~/.config/paddock/config.toml (\`[egress]\` in /etc/paddock/policy.toml, if there is one).`;
}
