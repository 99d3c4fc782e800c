/** The same with what is undefined left out: under `exactOptionalPropertyTypes` an absent key is not one that is undefined. */
export type Known<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

export function known<T extends object>(all: T): Known<T> {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Known<T>;
}
