import { isObject, type Json, type JsonObject } from '../../../policy/json.js';
import type { ModelCall } from '../types.js';
import { has, itemsOf, namesIn, valuesOf } from './fields.js';
import { checkLevel, Findings, modelCall } from './findings.js';

/** Answered by who calls, in the folded spelling. */
const clientTools = ['functiondeclarations', 'computeruse'];

/** Google's generateContent and countTokens; the model stands in the path. */
export function judgeGoogle(body: JsonObject, segments: readonly string[]): ModelCall {
  const findings = new Findings();
  find(body, findings);
  // Counting tokens takes a whole request inside its own.
  for (const inner of valuesOf(body, 'generateContentRequest')) find(inner, findings);
  return modelCall(body, segments.at(-1)?.split(':')[0], findings);
}

function find(request: Json, findings: Findings): void {
  for (const [index, tool] of itemsOf(request, 'tools').entries()) {
    for (const name of namesIn(tool)) {
      if (!clientTools.includes(name)) findings.add(optIn(name), `tools[${index}]`);
    }
  }
  if (has(request, 'cachedContent')) findings.add('stored_context', 'cachedContent');
  const contents = [...itemsOf(request, 'contents'), ...valuesOf(request, 'systemInstruction')];
  for (const [index, content] of contents.entries()) judgeParts(content, `contents[${index}]`, findings, 0);
}

/** Names by which the other providers' like are allowed too. */
function optIn(name: string): string {
  const known: Readonly<Record<string, string>> = {
    googlesearch: 'web_search',
    googlesearchretrieval: 'web_search',
    urlcontext: 'web_fetch',
    codeexecution: 'code_execution',
    filesearch: 'file_search',
    googlemaps: 'google_maps',
    mcpservers: 'mcp',
  };
  return known[name] ?? name;
}

function judgeParts(content: Json, where: string, findings: Findings, level: number): void {
  checkLevel(level);
  for (const part of itemsOf(content, 'parts')) {
    if (!isObject(part)) continue;
    if (has(part, 'fileData')) findings.add('url_source', where);
    for (const response of valuesOf(part, 'functionResponse')) judgeParts(response, where, findings, level + 1);
  }
}
