/** Whose keys are names that people choose. */
const free = new Set(['labels', 'matchLabels', 'requests', 'limits', 'hard', 'max', 'default', 'defaultRequest']);

interface Misspelt {
  readonly field: string;
  readonly document: unknown;
}

/** The document once for each of its fields, with that one misspelt as nothing is called. */
export function misspellings(document: unknown): readonly Misspelt[] {
  return within(document).map(({ field, document: changed }, index) => {
    const name = `${field}X${index}`;
    return { field: name, document: JSON.parse(JSON.stringify(changed).replace(`"${mark}"`, JSON.stringify(name))) };
  });
}

const mark = '<misspelt>';

function within(value: unknown): readonly Misspelt[] {
  if (Array.isArray(value)) {
    return value.flatMap((item, at) =>
      within(item).map(({ field, document }) => ({ field, document: value.with(at, document) })),
    );
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const rest = Object.fromEntries(Object.entries(value).filter(([other]) => other !== key));
    const below = free.has(key) && !Array.isArray(inner) ? [] : within(inner);
    return [
      { field: key, document: { ...rest, [mark]: inner } },
      ...below.map(({ field, document }) => ({ field, document: { ...rest, [key]: document } })),
    ];
  });
}
