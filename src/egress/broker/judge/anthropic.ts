import { isObject, type Json, type JsonObject } from '../../../policy/json.js';
import type { ModelCall } from '../types.js';
import { has, itemsOf, valuesOf } from './fields.js';
import { checkLevel, Findings, modelCall, modelOf } from './findings.js';

// A list of what runs at the caller's side, not of what does not: what a provider adds tomorrow is refused until it is known.
// Searching among the tools of the request itself reaches nothing.
const clientTools =
  /^(?:custom|bash_\d{8}|text_editor_\d{8}|computer_\d{8}|memory_\d{8}|tool_search_tool_(?:regex|bm25)(?:_\d{8})?)$/;
const inlineSources: readonly unknown[] = ['base64', 'text', 'content'];

/** Anthropic's Messages API, and its counting of tokens. */
export function judgeAnthropic(body: JsonObject): ModelCall {
  const findings = new Findings();
  findAnthropic(body, findings);
  return modelCall(body, modelOf(body), findings);
}

export function findAnthropic(body: JsonObject, findings: Findings): void {
  for (const [index, tool] of itemsOf(body, 'tools').entries()) judgeTool(tool, `tools[${index}]`, findings);
  if (itemsOf(body, 'mcp_servers').length > 0) findings.add('mcp', 'mcp_servers');
  if (has(body, 'container')) findings.add('container', 'container');
  for (const block of itemsOf(body, 'system')) judgeBlock(block, 'system', findings, 0);
  for (const [index, message] of itemsOf(body, 'messages').entries()) {
    for (const block of itemsOf(message, 'content')) judgeBlock(block, `messages[${index}]`, findings, 0);
  }
}

function judgeTool(tool: Json, where: string, findings: Findings): void {
  for (const type of valuesOf(tool, 'type')) {
    const name = typeof type === 'string' ? type : 'unknown';
    if (!clientTools.test(name)) findings.add(name, where);
  }
}

function judgeBlock(block: Json, where: string, findings: Findings, level: number): void {
  checkLevel(level);
  if (!isObject(block)) return;
  if (has(block, 'file_id')) findings.add('file_source', where);
  for (const source of valuesOf(block, 'source')) judgeSource(source, where, findings, level);
  for (const inner of itemsOf(block, 'content')) judgeBlock(inner, where, findings, level + 1);
}

function judgeSource(source: Json, where: string, findings: Findings, level: number): void {
  // A search result's source is text that nobody fetches.
  if (!isObject(source)) return;
  if (has(source, 'url')) findings.add('url_source', where);
  if (has(source, 'file_id')) findings.add('file_source', where);
  const isKnown = valuesOf(source, 'type').every((type) => inlineSources.includes(type) || isNamed(type));
  if (!isKnown) findings.add('unknown_source', where);
  for (const inner of itemsOf(source, 'content')) judgeBlock(inner, where, findings, level + 1);
}

/** Said by the field that holds the address; without one there is nothing to fetch. */
function isNamed(type: Json): boolean {
  return type === 'url' || type === 'file';
}
