import type { Json } from '../../../policy/json.js';
import { itemsOf, textOf, valuesOf } from './fields.js';
import { checkLevel, type Findings } from './findings.js';

/** Run by who calls. `tool_search` looks among the tools of the request. */
const clientTools = [
  'function',
  'custom',
  'local_shell',
  'apply_patch',
  'computer',
  'computer_use_preview',
  'tool_search',
];

/** Tools of the Responses and Chat Completions APIs; a `namespace` holds further ones. */
export function judgeTools(owner: Json, where: string, findings: Findings, level = 0): void {
  checkLevel(level);
  for (const tool of itemsOf(owner, 'tools')) {
    for (const type of valuesOf(tool, 'type')) {
      if (type === 'namespace') judgeTools(tool, where, findings, level + 1);
      else if (type === 'shell') judgeShell(tool, where, findings);
      else if (typeof type !== 'string') findings.add('unknown', where);
      else if (!clientTools.includes(type)) findings.add(type, where);
    }
  }
}

/** A shell is the caller's own unless the provider is asked for a container. */
function judgeShell(tool: Json, where: string, findings: Findings): void {
  const isLocal = valuesOf(tool, 'environment').every((environment) => textOf(environment, 'type') === 'local');
  if (!isLocal) findings.add('container', where);
}

/** Models that search the web whatever the request says, and the mark by which gateways are asked to. */
export function judgeModel(model: string | undefined, findings: Findings): void {
  if (model !== undefined && /search|deep-research|:online$/i.test(model)) findings.add('web_search', 'model');
}
