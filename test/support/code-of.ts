/** The code of what a call is refused with; `ok` where it is not. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'ok',
    (error: unknown) => (error as { readonly code: string }).code,
  );
}
