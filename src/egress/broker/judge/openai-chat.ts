import { isObject, type Json, type JsonObject } from '../../../policy/json.js';
import type { ModelCall } from '../types.js';
import { has, itemsOf, valuesOf } from './fields.js';
import { Findings, isFetched, modelCall, modelOf } from './findings.js';
import { judgeModel, judgeTools } from './openai-tools.js';

/** OpenAI's Chat Completions API and what is spoken like it, and the older completions and embeddings, which have less. */
export function judgeChat(body: JsonObject): ModelCall {
  const findings = new Findings();
  judgeTools(body, 'tools', findings);
  judgeModel(modelOf(body), findings);
  if (has(body, 'web_search_options')) findings.add('web_search', 'web_search_options');
  // Gateways that speak this API run these at their side.
  if (itemsOf(body, 'plugins').length > 0) findings.add('plugins', 'plugins');
  for (const [index, message] of itemsOf(body, 'messages').entries()) {
    for (const part of itemsOf(message, 'content')) judgePart(part, `messages[${index}]`, findings);
  }
  return modelCall(withUsage(body), modelOf(body), findings);
}

function judgePart(part: Json, where: string, findings: Findings): void {
  for (const image of [...valuesOf(part, 'image_url'), ...valuesOf(part, 'video_url')]) {
    const addresses = isObject(image) ? valuesOf(image, 'url') : [image];
    if (addresses.some(isFetched)) findings.add('url_source', where);
  }
  for (const file of [part, ...valuesOf(part, 'file')]) {
    if (has(file, 'file_id')) findings.add('file_source', where);
    if (has(file, 'file_url')) findings.add('url_source', where);
    if (valuesOf(file, 'file_data').some((data) => typeof data === 'string' && /^https?:/i.test(data))) {
      findings.add('url_source', where);
    }
  }
}

/** A stream says what it used only when it is asked to; unasked it would pass every cap. */
function withUsage(body: JsonObject): JsonObject {
  if (!valuesOf(body, 'stream').includes(true) || itemsOf(body, 'messages').length === 0) return body;
  const options = body['stream_options'];
  return { ...body, stream_options: { ...(isObject(options) ? options : {}), include_usage: true } };
}
