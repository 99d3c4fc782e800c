import { isObject, type Json, type JsonObject } from '../../../policy/json.js';
import type { ModelCall } from '../types.js';
import { has, itemsOf, valuesOf } from './fields.js';
import { checkLevel, Findings, isFetched, modelCall, modelOf } from './findings.js';
import { judgeModel, judgeTools } from './openai-tools.js';

/**
 * OpenAI's Responses API. Refused besides tools: what goes on without us (`background`), what is kept at the provider under the key, which
 * other sessions may have written (`previous_response_id`, `conversation`, stored prompts and files), and what it would fetch.
 */
export function judgeResponses(body: JsonObject): ModelCall {
  const findings = new Findings();
  judgeTools(body, 'tools', findings);
  judgeModel(modelOf(body), findings);
  if (valuesOf(body, 'background').some((value) => value !== false)) findings.add('background', 'background');
  for (const name of ['previous_response_id', 'conversation']) {
    if (has(body, name)) findings.add('stored_context', name);
  }
  if (has(body, 'prompt')) findings.add('stored_prompt', 'prompt');
  for (const [index, item] of itemsOf(body, 'input').entries()) judgeItem(item, `input[${index}]`, findings, 0);
  return modelCall(body, modelOf(body), findings);
}

function judgeItem(item: Json, where: string, findings: Findings, level: number): void {
  checkLevel(level);
  if (!isObject(item)) return;
  if (valuesOf(item, 'type').includes('item_reference')) findings.add('stored_context', where);
  if (has(item, 'file_id')) findings.add('file_source', where);
  if (has(item, 'file_url')) findings.add('url_source', where);
  if (valuesOf(item, 'image_url').some(isFetched)) findings.add('url_source', where);
  judgeTools(item, where, findings);
  for (const part of [...itemsOf(item, 'content'), ...itemsOf(item, 'output')]) {
    judgeItem(part, where, findings, level + 1);
  }
}
