/** Soft and hard value of one resource limit; Infinity when unlimited. */
export interface ResourceLimit {
  readonly soft: number;
  readonly hard: number;
}

/** `/proc/PID/limits` by the kernel's own names (`Max open files`, `Max core file size` …). Never throws. */
export function parseLimits(text: string): ReadonlyMap<string, ResourceLimit> {
  const limits = new Map<string, ResourceLimit>();
  for (const line of text.split('\n')) {
    const match = /^(Max [a-z ]+?)\s{2,}(unlimited|\d{1,20})\s+(unlimited|\d{1,20})(?:\s|$)/.exec(line);
    if (match?.[1]) limits.set(match[1], { soft: amount(match[2]), hard: amount(match[3]) });
  }
  return limits;
}

function amount(text: string | undefined): number {
  return text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text);
}
