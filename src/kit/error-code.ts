/** What an error says of itself by a code: `ENOENT` of the kernel's, or one of ours. Undefined where it says nothing. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
