const sizeUnits: Readonly<Record<string, number>> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };
const timeUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Bytes from a number or from text as Docker takes it: `2g`, `512MB`, `1.5GiB`, `1048576`; powers of 1024, any case.
 * Returns undefined for anything else, negative numbers and what is not a safe integer after rounding down.
 */
export function parseBytes(value: string | number): number | undefined {
  const match = /^(\d{1,16}(?:\.\d{1,6})?)([bkmgt])?(i?b)?$/i.exec(
    typeof value === 'number' ? String(value) : value.trim(),
  );
  if (!match?.[1]) return undefined;
  const unit = (match[2] ?? 'b').toLowerCase();
  if (match[3] !== undefined && (match[2] === undefined || unit === 'b')) return undefined;
  return safe(Math.floor(Number(match[1]) * (sizeUnits[unit] ?? Number.NaN)));
}

/** Milliseconds from `90s`, `10m`, `8h`, `500ms`, `1d`, or from a number of seconds. Undefined when it is none of these. */
export function parseDuration(value: string | number): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,3})?)(ms|s|m|h|d)?$/.exec(
    typeof value === 'number' ? String(value) : value.trim(),
  );
  if (!match?.[1]) return undefined;
  return safe(Math.floor(Number(match[1]) * (timeUnits[match[2] ?? 's'] ?? Number.NaN)));
}

/** `1536 MiB` style text: the largest binary unit that divides it well, with at most one decimal. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit] ?? 'B'}`;
}

/** `1h 5m`, `12s`, `340ms`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const seconds = Math.floor(ms / 1000);
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor((seconds % 3600) / 60), 'm'],
    [seconds % 60, 's'],
  ] as const;
  return parts
    .filter(([n]) => n > 0)
    .slice(0, 2)
    .map(([n, unit]) => `${n}${unit}`)
    .join(' ');
}

function safe(value: number): number | undefined {
  return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
