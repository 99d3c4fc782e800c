import { deny } from './verdict.js';

/** What a caller can send. Copied before anything reads it, so no getter, proxy or prototype comes along. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = Readonly<Record<string, Json>>;

export interface JsonBounds {
  readonly maxDepth: number;
  readonly maxValues: number;
  readonly maxTextChars: number;
}

/** Keys that reach a prototype when somebody later merges objects carelessly. */
const prototypeKeys = ['__proto__', 'constructor', 'prototype'];

/** A deep copy of plain JSON, or a refusal (`request.shape`). Undefined members are left out, as JSON does. */
export function copyJson(value: unknown, bounds: JsonBounds): Json {
  const budget = { values: bounds.maxValues, chars: bounds.maxTextChars };
  return copyValue(value, bounds.maxDepth, budget);
}

interface Budget {
  values: number;
  chars: number;
}

function copyValue(value: unknown, depth: number, budget: Budget): Json {
  budget.values -= 1;
  if (budget.values < 0) deny('request.shape', 'the request holds too many values');
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') return spend(value, budget);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) deny('request.shape', 'the request holds a number that is not finite');
    return value;
  }
  if (typeof value !== 'object') deny('request.shape', `the request holds a ${typeof value}`);
  if (depth === 0) deny('request.shape', 'the request is nested too deeply');
  if (Array.isArray(value)) return copyList(value, depth, budget);
  return copyObject(value, depth, budget);
}

function copyList(value: readonly unknown[], depth: number, budget: Budget): readonly Json[] {
  // Asked before the copy is made: a sparse array can claim four thousand million entries and hold none.
  if (value.length > budget.values) deny('request.shape', 'the request holds too many values');
  return Array.from(value, (item) => copyValue(item, depth - 1, budget));
}

function copyObject(value: object, depth: number, budget: Budget): JsonObject {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) deny('request.shape', 'the request holds more than JSON');
  const copy: Record<string, Json> = {};
  for (const [key, item] of Object.entries(value) as [string, unknown][]) {
    if (prototypeKeys.includes(key.toLowerCase())) deny('request.shape', `the key ${key} is not accepted anywhere`);
    if (item !== undefined) copy[spend(key, budget)] = copyValue(item, depth - 1, budget);
  }
  return copy;
}

function spend(text: string, budget: Budget): string {
  budget.chars -= text.length;
  if (budget.chars < 0) deny('request.shape', 'the request holds too much text');
  return text;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}
