export function selfSigned(
  folder: string,
  name?: string,
): { readonly key: string; readonly cert: string; readonly keyFile: string; readonly certFile: string };
