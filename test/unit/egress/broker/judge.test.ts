import { describe, expect, it } from 'vitest';
import { judgeAnthropic } from '../../../../src/egress/broker/judge/anthropic.js';
import { judgeBedrock } from '../../../../src/egress/broker/judge/bedrock.js';
import { judgeGoogle } from '../../../../src/egress/broker/judge/google.js';
import { judgeChat } from '../../../../src/egress/broker/judge/openai-chat.js';
import { judgeResponses } from '../../../../src/egress/broker/judge/openai-responses.js';
import type { BodyJudge } from '../../../../src/egress/broker/types.js';
import type { JsonObject } from '../../../../src/policy/json.js';

const said = (block: unknown) => ({ messages: [{ role: 'user', content: [block] }] });
const found = (judge: BodyJudge, body: object, path: string[] = []) => [
  ...new Set(judge(JSON.parse(JSON.stringify(body)) as JsonObject, path).serverTools.map(({ name }) => name)),
];

const deep = (levels: number): object => (levels === 0 ? {} : { type: 'tool_result', content: [deep(levels - 1)] });

describe('what is found in a call to Anthropic', () => {
  it.each([
    ['web_search', { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }],
    [
      'web_fetch',
      {
        tools: [
          { type: 'custom', name: 'a' },
          { type: 'web_fetch_20250910', name: 'web_fetch' },
        ],
      },
    ],
    ['code_execution', { tools: [{ type: 'code_execution_20250825', name: 'code_execution' }] }],
    ['what_comes_next', { tools: [{ type: 'what_comes_next_20300101' }] }],
    ['unknown', { tools: [{ type: ['web_search_20250305'] }] }],
    ['web_search', { tools: { type: 'web_search_20250305' } }],
    ['web_search', { TOOLS: [{ Type: 'web_search_20250305' }] }],
    ['web_search', { 'tool\u017f': [{ type: 'web_search_20250305' }] }],
    ['mcp', { tools: [{ type: 'mcp_toolset', mcp_server_name: 'x' }] }],
    ['mcp', { mcp_servers: [{ type: 'url', url: 'https://elsewhere.test' }] }],
    ['container', { container: 'container_1' }],
    ['container', { container: { skills: [] } }],
    ['url_source', said({ type: 'image', source: { type: 'url', url: 'https://elsewhere.test/?data' } })],
    ['url_source', said({ type: 'document', source: { type: 'base64', url: 'https://elsewhere.test' } })],
    ['file_source', said({ type: 'document', source: { type: 'file', file_id: 'file_1' } })],
    ['file_source', said({ type: 'container_upload', file_id: 'file_1' })],
    ['unknown_source', said({ type: 'image', source: { type: 'gcs', path: 'x' } })],
    ['url_source', said({ type: 'tool_result', content: [{ type: 'image', source: { type: 'url', url: 'x' } }] })],
    ['url_source', said({ type: 'document', source: { type: 'content', content: [{ source: { url: 'x' } }] } })],
    ['url_source', { system: [{ type: 'image', source: { type: 'url', url: 'x' } }] }],
  ])('%s: %j', (name, body) => {
    expect(found(judgeAnthropic, body)).toEqual([name]);
  });

  it('is nothing where tools run at the caller’s side and data stands in the call', () => {
    const body = {
      model: 'claude-sonnet-5',
      tools: [
        { name: 'mine', input_schema: { properties: { source: { type: 'url', url: 'x' } } } },
        { type: 'custom', name: 'mine' },
        { type: 'bash_20250124', name: 'bash' },
        { type: 'text_editor_20250728', name: 'edit' },
        { type: 'computer_20250124', name: 'computer' },
        { type: 'memory_20250818', name: 'memory' },
        { type: 'tool_search_tool_regex_20251119', name: 'search' },
        { type: null, name: 'mine' },
      ],
      mcp_servers: [],
      container: null,
      system: 'text',
      messages: [
        { role: 'user', content: 'text' },
        { role: 'assistant', content: [{ type: 'tool_use', id: '1', input: { source: { type: 'url', url: 'x' } } }] },
        { role: 'user', content: [{ type: 'image', source: { type: 'base64', data: '' } }] },
        { role: 'user', content: [{ type: 'search_result', source: 'https://a.test', content: [{ type: 'text' }] }] },
      ],
    };
    expect(judgeAnthropic(body as unknown as JsonObject)).toMatchObject({
      ...{ model: 'claude-sonnet-5', serverTools: [], isListPriced: true },
    });
  });

  it('is refused where nobody would look: content in content in content', () => {
    expect(found(judgeAnthropic, said(deep(10)))).toEqual([]);
    expect(() => judgeAnthropic(said(deep(20)) as unknown as JsonObject)).toThrow(
      expect.objectContaining({ ruleId: 'broker.body' }) as Error,
    );
  });

  it('has no list price in fast mode, in a tier of its own or in a place that costs more', () => {
    for (const extra of [{ speed: 'fast' }, { service_tier: 'priority' }, { inference_geo: 'us' }]) {
      expect(judgeAnthropic(extra).isListPriced).toBe(false);
    }
    expect(judgeAnthropic({ service_tier: 'standard_only' }).isListPriced).toBe(true);
  });

  it('is refused with a model whose name is none', () => {
    expect(() => judgeAnthropic({ model: 'a b\nc' })).toThrow(
      expect.objectContaining({ ruleId: 'broker.body' }) as Error,
    );
  });
});

describe('what is found in a call of the Responses API', () => {
  const input = (item: unknown) => ({ model: 'gpt-6-sol', input: [item] });
  const part = (one: unknown) => input({ type: 'message', role: 'user', content: [one] });

  it.each([
    ['web_search', { tools: [{ type: 'web_search' }] }],
    ['web_search', { tools: [{ type: 'web_search_preview_2025_03_11' }] }],
    ['web_search', { tools: [{ type: 'namespace', tools: [{ type: 'web_search' }] }] }],
    ['file_search', { tools: [{ type: 'file_search', vector_store_ids: [] }] }],
    ['code_interpreter', { tools: [{ type: 'code_interpreter', container: { type: 'auto' } }] }],
    ['mcp', { tools: [{ type: 'mcp', server_url: 'https://elsewhere.test' }] }],
    ['image_generation', { tools: [{ type: 'image_generation' }] }],
    ['container', { tools: [{ type: 'shell', environment: { type: 'container_auto' } }] }],
    ['mcp', input({ type: 'tool_search_output', tools: [{ type: 'mcp' }] })],
    ['background', { background: true }],
    ['background', { background: 'true' }],
    ['stored_context', { previous_response_id: 'resp_1' }],
    ['stored_context', { conversation: { id: 'conv_1' } }],
    ['stored_context', input({ type: 'item_reference', id: 'x' })],
    ['stored_prompt', { prompt: { id: 'pmpt_1' } }],
    ['url_source', part({ type: 'input_image', image_url: 'https://elsewhere.test/?data' })],
    ['url_source', part({ type: 'input_image', image_url: { url: 'data:' } })],
    ['url_source', part({ type: 'input_file', file_url: 'https://elsewhere.test' })],
    ['file_source', part({ type: 'input_file', file_id: 'file_1' })],
    ['file_source', part({ type: 'input_image', file_id: 'file_1' })],
    ['url_source', input({ type: 'function_call_output', output: [{ type: 'input_image', image_url: 'http://x' }] })],
    ['url_source', input({ type: 'computer_call_output', output: { image_url: 'http://x' } })],
    ['web_search', { model: 'o4-mini-deep-research' }],
  ])('%s: %j', (name, body) => {
    expect(found(judgeResponses, body)).toEqual([name]);
  });

  it('is nothing where it is the caller that works', () => {
    const body = {
      ...{ model: 'gpt-6-sol', store: false, background: false, previous_response_id: null, prompt_cache_key: 'x' },
      tools: [
        ...['function', 'custom', 'local_shell', 'apply_patch'].map((type) => ({ type })),
        { type: 'shell', environment: { type: 'local' } },
        { type: 'namespace', tools: [{ type: 'function' }] },
      ],
      input: [
        { role: 'user', content: [{ type: 'input_image', image_url: 'data:image/png;base64,AA==' }] },
        { type: 'function_call_output', output: 'text' },
      ],
    };
    expect(found(judgeResponses, body)).toEqual([]);
    expect(found(judgeResponses, { input: 'text' })).toEqual([]);
  });
});

describe('what is found in a chat completion', () => {
  it.each([
    ['web_search', { web_search_options: {} }],
    ['web_search', { model: 'gpt-4o-search-preview' }],
    ['web_search', { model: 'some/model:online' }],
    ['plugins', { plugins: [{ id: 'web' }] }],
    ['web_search', { tools: [{ type: 'web_search' }] }],
    ['url_source', said({ type: 'image_url', image_url: { url: 'https://elsewhere.test' } })],
    ['url_source', said({ type: 'image_url', image_url: 'https://elsewhere.test' })],
    ['file_source', said({ type: 'file', file: { file_id: 'file_1' } })],
    ['url_source', said({ type: 'file', file: { file_data: 'https://elsewhere.test' } })],
  ])('%s: %j', (name, body) => {
    expect(found(judgeChat, body)).toEqual([name]);
  });

  it('is nothing with functions and with data; and a stream is asked to say what it used', () => {
    const body = {
      ...{ model: 'm', stream: true, stream_options: { other: 1 }, tools: [{ type: 'function' }] },
      ...said({ type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } }),
    };
    expect(found(judgeChat, body)).toEqual([]);
    expect(judgeChat(body as unknown as JsonObject).body).toEqual({
      ...body,
      stream_options: { other: 1, include_usage: true },
    });
    expect(judgeChat({ model: 'm', input: 'text' }).body).toEqual({ model: 'm', input: 'text' });
  });
});

describe('what is found in a call to Google', () => {
  const parts = (part: unknown) => ({ contents: [{ role: 'user', parts: [part] }] });
  const path = ['v1beta', 'models', 'gemini-x:generateContent'];

  it.each([
    ['web_search', { tools: [{ googleSearch: {} }] }],
    ['web_search', { tools: [{ google_search: {} }] }],
    ['web_search', { tools: { googleSearchRetrieval: {} } }],
    ['web_fetch', { tools: [{ functionDeclarations: [] }, { urlContext: {} }] }],
    ['code_execution', { tools: [{ functionDeclarations: [], codeExecution: {} }] }],
    ['file_search', { tools: [{ file_search: {} }] }],
    ['whatcomesnext', { tools: [{ whatComesNext: {} }] }],
    ['stored_context', { cachedContent: 'cachedContents/1' }],
    ['url_source', parts({ fileData: { fileUri: 'https://elsewhere.test' } })],
    ['url_source', parts({ file_data: { file_uri: 'https://elsewhere.test' } })],
    ['url_source', parts({ functionResponse: { parts: [{ fileData: {} }] } })],
    ['url_source', { system_instruction: { parts: [{ fileData: {} }] } }],
    ['url_source', { contents: { parts: { fileData: {} } } }],
    ['web_search', { generateContentRequest: { tools: [{ googleSearch: {} }] } }],
  ])('%s: %j', (name, body) => {
    expect(found(judgeGoogle, body, path)).toEqual([name]);
  });

  it('is nothing with functions and inline data, and the model is that of the path', () => {
    const body = {
      tools: [{ functionDeclarations: [{}], googleSearch: null }],
      ...parts({ inlineData: { data: '' } }),
    };
    expect(judgeGoogle(body as unknown as JsonObject, path)).toMatchObject({ serverTools: [], model: 'gemini-x' });
  });
});

describe('what is found in a call to Bedrock', () => {
  const path = ['model', 'anthropic.claude-x-v1:0', 'converse'];

  it.each([
    ['web_search', { tools: [{ type: 'web_search_20250305' }] }],
    ['web_fetch', { additionalModelRequestFields: { tools: [{ type: 'web_fetch_20250910' }] } }],
    ['system_tool', { toolConfig: { tools: [{ toolSpec: {} }, { systemTool: { name: 'nova_grounding' } }] } }],
    ['s3_source', said({ image: { source: { s3Location: { uri: 's3://elsewhere/x' } } } })],
    ['s3_source', said({ toolResult: { content: [{ document: { source: { s3Location: {} } } }] } })],
    ['s3_source', { system: [{ image: { source: { s3Location: {} } } }] }],
  ])('%s: %j', (name, body) => {
    expect(found(judgeBedrock, body, path)).toEqual([name]);
  });

  it('is nothing with the caller’s tools and with bytes, and the model is that of the path', () => {
    const body = {
      toolConfig: { tools: [{ toolSpec: {} }, { cachePoint: {} }] },
      ...said({ image: { format: 'png', source: { bytes: 'AA==' } } }),
    };
    expect(judgeBedrock(body as unknown as JsonObject, path)).toMatchObject({ serverTools: [], model: path[1] });
  });
});

it.each([
  [{ MODEL: 'claude-haiku-4-5', model: 'claude-opus-4-1' }],
  [{ model: 'claude-haiku-4-5', mo_del: 'claude-opus-4-1' }],
  [{ model: ['claude-opus-4-1'], Model: 'claude-haiku-4-5' }],
  [{ model: 'a', models: ['b'] }],
])('a call with more than one model is refused: %j', (body) => {
  for (const judge of [judgeAnthropic, judgeChat, judgeResponses]) {
    expect(() => judge(body as unknown as JsonObject)).toThrow(
      expect.objectContaining({ ruleId: 'broker.body' }) as Error,
    );
  }
});

it.each([
  [{ max_tokens: 10 }, 10],
  [{ max_tokens: 10, MAX_TOKENS: 30, max_completion_tokens: 20 }, 30],
  [{ max_output_tokens: 10, n: 3 }, 30],
  [{ generationConfig: { maxOutputTokens: 10, candidateCount: 2 } }, 20],
  [{ inferenceConfig: { maxTokens: 10 } }, 10],
  [{ max_tokens: 1e300 }, 1_000_000],
  [{ max_tokens: 'many' }, 32_000],
  [{}, 32_000],
])('the most that %j is answered with is %d', (body, tokens) => {
  expect(judgeChat(body as unknown as JsonObject).mostOutput).toBe(tokens);
});
