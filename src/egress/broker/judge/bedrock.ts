import { isObject, type Json, type JsonObject } from '../../../policy/json.js';
import type { ModelCall } from '../types.js';
import { findAnthropic } from './anthropic.js';
import { has, itemsOf, namesIn, valuesOf } from './fields.js';
import { checkLevel, Findings, modelCall } from './findings.js';

/** Bedrock's InvokeModel, whose body is the model maker's, and Converse; the model stands in the path (`/model/ID/…`). */
export function judgeBedrock(body: JsonObject, segments: readonly string[]): ModelCall {
  const findings = new Findings();
  findAnthropic(body, findings);
  // Passed by Converse to the model maker's own API.
  for (const extra of valuesOf(body, 'additionalModelRequestFields')) {
    if (isObject(extra)) findAnthropic(extra, findings);
  }
  for (const config of valuesOf(body, 'toolConfig')) judgeToolConfig(config, findings);
  for (const [index, message] of itemsOf(body, 'messages').entries())
    judgeContent(message, `messages[${index}]`, findings, 0);
  for (const block of itemsOf(body, 'system')) judgeMedia(block, 'system', findings, 0);
  return modelCall(body, segments[1], findings);
}

/** Besides the caller's own (`toolSpec`) there are some that run at the provider (`systemTool`). */
function judgeToolConfig(config: Json, findings: Findings): void {
  for (const [index, tool] of itemsOf(config, 'tools').entries()) {
    const others = namesIn(tool).filter((name) => name !== 'toolspec' && name !== 'cachepoint');
    for (const name of others) findings.add(name === 'systemtool' ? 'system_tool' : name, `toolConfig.tools[${index}]`);
  }
}

function judgeContent(owner: Json, where: string, findings: Findings, level: number): void {
  checkLevel(level);
  for (const block of itemsOf(owner, 'content')) judgeMedia(block, where, findings, level);
}

/** An S3 location is read with the credentials that sign the call. */
function judgeMedia(block: Json, where: string, findings: Findings, level: number): void {
  for (const kind of ['image', 'document', 'video', 'audio']) {
    for (const media of valuesOf(block, kind)) {
      const sources = [...valuesOf(media, 'source'), media];
      if (sources.some((source) => has(source, 's3Location'))) findings.add('s3_source', where);
    }
  }
  for (const result of valuesOf(block, 'toolResult')) judgeContent(result, where, findings, level + 1);
}
