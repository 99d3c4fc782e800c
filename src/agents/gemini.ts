import { checkRequest, placeOf, unsupported, uuid } from './asked.js';
import { readGeminiLine } from './gemini-output.js';
import { LineParser } from './line-parser.js';
import { isLocal, type McpConfig, type McpServer } from './mcp-config.js';
import { RunRecord } from './run-record.js';
import type { AgentAdapter, AgentRequest, Places } from './types.js';

/** Gemini CLI, a program for Node.js; written against 0.61.0. */
export const gemini: AgentAdapter = {
  id: 'gemini',
  title: 'Gemini CLI',
  providers: ['google'],
  plan(request, places, configFolder) {
    checkRequest(request, uuid);
    if (request.smallModel !== undefined) unsupported('Gemini CLI', 'model for small work');
    if (request.bedrock !== undefined) unsupported('Gemini CLI', 'way to Bedrock');
    return {
      argv: ['gemini', ...options(request)],
      env: environment(places, configFolder),
      stdin: request.prompt,
      files: [
        { path: '.gemini/settings.json', content: JSON.stringify(settings(request)), mode: 0o600 },
        // Always: what an earlier run was told must not stay.
        { path: '.gemini/GEMINI.md', content: request.systemPrompt ?? '', mode: 0o600 },
      ],
    };
  },
  // Its own limit counts a resumed conversation from the beginning, and calls reaching it a success.
  newParser: (options = {}) => new LineParser(new RunRecord(uuid), readGeminiLine, options),
};

/** Without `-p` it takes the prompt from standard input. */
function options(request: AgentRequest): string[] {
  return [
    '--output-format=stream-json',
    // In a folder that it does not trust it would use `default` without a word. Headless, `default` denies what is not allowed.
    '--skip-trust',
    `--approval-mode=${request.strictPermissions ? 'default' : 'yolo'}`,
    ...(request.allowedTools ?? []).map((tool) => `--allowed-tools=${tool}`),
    ...(request.model === undefined ? [] : [`--model=${request.model}`]),
    ...(request.resume === undefined ? [] : [`--resume=${request.resume}`]),
  ];
}

function environment(places: Places, configFolder: string): Record<string, string> {
  return {
    // It makes `.gemini` in there.
    GEMINI_CLI_HOME: configFolder,
    GEMINI_API_KEY: places.placeholderKey,
    GOOGLE_GEMINI_BASE_URL: placeOf(places, 'google'),
    // It would start itself a second time, with more memory.
    GEMINI_CLI_NO_RELAUNCH: '1',
  };
}

function settings(request: AgentRequest): object {
  return {
    // A base address alone would select a sign-in that a key is no answer to.
    security: { auth: { selectedType: 'gemini-api-key' }, folderTrust: { enabled: false } },
    general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
    privacy: { usageStatisticsEnabled: false },
    telemetry: { enabled: false },
    ...(request.mcpConfig === undefined ? {} : { mcpServers: servers(request.mcpConfig, request.strictPermissions) }),
  };
}

function servers(config: McpConfig, isStrict: boolean): Record<string, object> {
  const all = Object.entries(config.mcpServers).map(([name, server]) => [name, { ...shape(server), trust: !isStrict }]);
  return Object.fromEntries(all) as Record<string, object>;
}

function shape(server: McpServer): object {
  if (isLocal(server)) return { command: server.command, args: server.args ?? [], env: server.env ?? {} };
  const headers = server.headers ?? {};
  return server.type === 'sse' ? { url: server.url, headers } : { httpUrl: server.url, headers };
}
