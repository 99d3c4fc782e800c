import { isList, isObject, type Json } from '../../../policy/json.js';

/**
 * A key as the most lenient of parsers take it: protocol buffers know `file_data` and `fileData`, some parsers no case at all, also
 * not that of the long s. A field that only we overlooked would be one that nobody judged.
 */
function folded(key: string): string {
  return key.toUpperCase().toLowerCase().replaceAll('_', '');
}

/** All values that a field has, under whatever spelling; null is as if it were not there. */
export function valuesOf(object: Json | undefined, name: string): readonly Json[] {
  if (!isObject(object)) return [];
  const wanted = folded(name);
  return Object.entries(object)
    .filter(([key, value]) => value !== null && folded(key) === wanted)
    .map(([, value]) => value);
}

export function has(object: Json | undefined, name: string): boolean {
  return valuesOf(object, name).length > 0;
}

/** The items of a field that is a list; a single value counts as a list of one, as lenient parsers have it. */
export function itemsOf(object: Json | undefined, name: string): readonly Json[] {
  return valuesOf(object, name).flatMap((value) => (isList(value) ? value : [value]));
}

/** The field's text, if it is one. */
export function textOf(object: Json | undefined, name: string): string | undefined {
  return valuesOf(object, name).find((value) => typeof value === 'string');
}

/** What of an object is set, as folded names. */
export function namesIn(object: Json): readonly string[] {
  if (!isObject(object)) return [];
  return Object.entries(object)
    .filter(([, value]) => value !== null)
    .map(([key]) => folded(key));
}
