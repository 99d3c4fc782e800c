import { isObject, type Json, type JsonObject } from '../../../policy/json.js';
import { BrokerRefused } from '../rules.js';
import type { ModelCall, ServerTool } from '../types.js';
import { has, textOf, valuesOf } from './fields.js';
import { mostOutputOf } from './output.js';

/** Deeper than any content that an API describes. */
const mostLevels = 12;

/** Collects what a call asks the provider to run or to fetch. */
export class Findings {
  readonly #found: ServerTool[] = [];

  add(name: string, where: string): void {
    if (this.#found.length < 20) this.#found.push({ name: toolName(name), where });
  }

  get serverTools(): readonly ServerTool[] {
    return this.#found;
  }
}

/** A tool's type without its date, in the form in which a route allows it. */
function toolName(type: string): string {
  const plain = type
    .toLowerCase()
    .replace(/_(?:\d{8}|preview.*)$/, '')
    .replaceAll(/[^a-z0-9]+/g, '_')
    .slice(0, 40);
  return plain === 'mcp_toolset' ? 'mcp' : plain;
}

/** Refuses content that goes deeper than anything an API describes: nobody would look at what lies below. */
export function checkLevel(level: number): void {
  if (level > mostLevels) throw new BrokerRefused('broker.body', 'the content is nested too deeply');
}

/** Whether an address makes the provider fetch something: anything but the data itself. */
export function isFetched(address: Json): boolean {
  return typeof address !== 'string' || !/^data:/i.test(address);
}

/** Tiers that cost what the list says, or less. */
const listTiers: readonly unknown[] = ['auto', 'default', 'standard', 'standard_only', 'flex'];

/** What a judge returns, with what all providers have in common. */
export function modelCall(body: JsonObject, model: string | undefined, findings: Findings): ModelCall {
  checkOneModel(body);
  const isListPriced =
    valuesOf(body, 'service_tier').every((tier) => listTiers.includes(tier)) &&
    valuesOf(body, 'speed').every((speed) => speed === 'standard') &&
    valuesOf(body, 'inference_geo').every((place) => place === 'global');
  return {
    ...{ body, model: checkedModel(model), serverTools: findings.serverTools, isListPriced },
    mostOutput: mostOutputOf(body),
  };
}

/** Of two, a cap would count the cheap one and the provider take the other; and gateways try `models` in turn. */
function checkOneModel(body: JsonObject): void {
  if (valuesOf(body, 'model').length > 1) throw new BrokerRefused('broker.body', 'the model is named more than once');
  if (has(body, 'models')) throw new BrokerRefused('broker.body', 'a choice of models (`models`) can not be counted');
}

/** A model's name goes into usage and messages, so it has to be one. */
function checkedModel(model: string | undefined): string | undefined {
  if (model === undefined || /^[\w.:/@+-]{1,200}$/.test(model)) return model;
  throw new BrokerRefused('broker.body', 'the name of the model is not one');
}

export function modelOf(body: Json): string | undefined {
  return isObject(body) ? textOf(body, 'model') : undefined;
}
