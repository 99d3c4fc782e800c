/**
 * What several things come to that were begun at once. Unlike with `Promise.all` all of them are over when it returns or rejects, as the first that
 * failed: none goes on with what its caller then gives up. Each has to end by itself, as on a signal.
 */
export async function allOver<T extends readonly Promise<unknown>[] | []>(
  begun: T,
): Promise<{ -readonly [Index in keyof T]: Awaited<T[Index]> }> {
  const results = Promise.all(begun);
  results.catch(() => undefined);
  await Promise.allSettled(begun);
  return await results;
}
