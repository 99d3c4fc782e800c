/** One part of a repository's path. */
export const repositoryPart = /^[A-Za-z0-9_~][A-Za-z0-9._~+-]{0,99}$/;
/** GitLab's groups nest; nobody's do deeper. */
export const mostParts = 8;

/**
 * The parts of a pattern of repositories, each a name or `*`; `isDeep`: any number more may follow. Undefined for what is none: `owner/name`,
 * `owner/*` (`*` is one part), `group/**` and `**`.
 */
export function readPattern(text: string): { readonly parts: readonly string[]; readonly isDeep: boolean } | undefined {
  if (text === '**') return { parts: [], isDeep: true };
  const isDeep = text.endsWith('/**');
  const parts = text.replace(/(?:\.git|\/\*\*)$/, '').split('/');
  const isFine = parts.length <= (isDeep ? mostParts - 1 : mostParts);
  return isFine && parts.every((one) => one === '*' || repositoryPart.test(one)) ? { parts, isDeep } : undefined;
}

/** Whether a pattern means no repository that none of the others does. */
export function isRepositoryWithin(text: string, allowed: readonly string[]): boolean {
  const inner = readPattern(text);
  return inner !== undefined && allowed.some((one) => covers(readPattern(one), inner));
}

type Pattern = NonNullable<ReturnType<typeof readPattern>>;

function covers(outer: Pattern | undefined, inner: Pattern): boolean {
  if (outer === undefined) return false;
  const isLong = outer.isDeep
    ? inner.parts.length > outer.parts.length || (inner.isDeep && inner.parts.length === outer.parts.length)
    : !inner.isDeep && inner.parts.length === outer.parts.length;
  return isLong && outer.parts.every((part, index) => part === '*' || part === inner.parts[index]);
}
