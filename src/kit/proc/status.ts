/** What `/proc/PID/status` says, as far as it is used; a field is undefined when its line is missing or malformed. */
export interface ProcStatus {
  readonly name: string | undefined;
  readonly state: string | undefined;
  readonly ppid: number | undefined;
  /** Real, effective, saved and file-system id, as the reader's user namespace sees them. */
  readonly uids: readonly number[] | undefined;
  readonly gids: readonly number[] | undefined;
  /** Supplementary groups. */
  readonly groups: readonly number[] | undefined;
  /** Process ids from the reader's pid namespace down to the process's own. */
  readonly nsPids: readonly number[] | undefined;
  readonly capabilities: {
    readonly inheritable: bigint | undefined;
    readonly permitted: bigint | undefined;
    readonly effective: bigint | undefined;
    readonly bounding: bigint | undefined;
    readonly ambient: bigint | undefined;
  };
  readonly noNewPrivileges: number | undefined;
  /** 0 none, 1 strict, 2 filter. */
  readonly seccompMode: number | undefined;
  readonly seccompFilters: number | undefined;
}

/** Reads the text of `/proc/PID/status`. Never throws; the first line of a name counts. */
export function parseStatus(text: string): ProcStatus {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && !fields.has(line.slice(0, colon))) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const ids = (key: string): readonly number[] | undefined => numbers(fields.get(key));
  const one = (key: string): number | undefined => onlyNumber(fields.get(key));
  return {
    name: fields.get('Name'),
    state: fields.get('State')?.slice(0, 1),
    ppid: one('PPid'),
    uids: fourNumbers(ids('Uid')),
    gids: fourNumbers(ids('Gid')),
    groups: ids('Groups'),
    nsPids: ids('NSpid'),
    capabilities: {
      inheritable: mask(fields.get('CapInh')),
      permitted: mask(fields.get('CapPrm')),
      effective: mask(fields.get('CapEff')),
      bounding: mask(fields.get('CapBnd')),
      ambient: mask(fields.get('CapAmb')),
    },
    noNewPrivileges: one('NoNewPrivs'),
    seccompMode: one('Seccomp'),
    seccompFilters: one('Seccomp_filters'),
  };
}

function numbers(text: string | undefined): readonly number[] | undefined {
  if (text === undefined) return undefined;
  const words = text.split(/\s+/).filter((word) => word !== '');
  return words.every((word) => /^\d{1,10}$/.test(word)) ? words.map(Number) : undefined;
}

function fourNumbers(list: readonly number[] | undefined): readonly number[] | undefined {
  return list?.length === 4 ? list : undefined;
}

function onlyNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function mask(text: string | undefined): bigint | undefined {
  return text !== undefined && /^[0-9a-f]{1,16}$/i.test(text) ? BigInt(`0x${text}`) : undefined;
}
