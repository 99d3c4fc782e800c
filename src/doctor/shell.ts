import type { DoctorContext } from './context.js';

/** A word for a POSIX shell, quoted when it needs to be. */
export function word(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Sets a kernel setting now and for every boot. */
export function setSysctl(name: string, value: number): string {
  return `echo '${name} = ${value}' | sudo tee -a /etc/sysctl.d/60-paddock.conf && sudo sysctl --system`;
}

export type PackageTool = 'apt' | 'dnf' | undefined;

/** Whether this host installs with apt or dnf, by /etc/os-release; undefined for the others. */
export async function packageTool(ctx: DoctorContext): Promise<PackageTool> {
  const text = (await ctx.files.readText('/etc/os-release')) ?? '';
  const ids = [...text.matchAll(/^(?:ID|ID_LIKE)=["']?([^"'\n]*)/gm)].flatMap((match) => match[1]?.split(' ') ?? []);
  if (ids.some((id) => id === 'debian' || id === 'ubuntu')) return 'apt';
  if (ids.some((id) => id === 'fedora' || id === 'rhel' || id === 'centos')) return 'dnf';
  return undefined;
}

/** How to install packages here; named per tool, since their names differ. */
export async function installCommand(
  ctx: DoctorContext,
  packages: { readonly apt: string; readonly dnf: string },
): Promise<string> {
  const tool = await packageTool(ctx);
  if (tool === 'apt') return `sudo apt-get update && sudo apt-get install ${packages.apt}`;
  if (tool === 'dnf') return `sudo dnf install ${packages.dnf}`;
  return `Install ${packages.apt} with the tool of your distribution`;
}
