import { stringify } from 'smol-toml';
import { checkRequest, placeOf, unsupported, uuid } from './asked.js';
import { readCodexLine } from './codex-output.js';
import { LineParser } from './line-parser.js';
import { isLocal, type McpConfig } from './mcp-config.js';
import { RunRecord } from './run-record.js';
import type { AgentAdapter, AgentRequest, Places } from './types.js';

/** Codex, by its native program; written against 0.169.0. */
export const codex: AgentAdapter = {
  id: 'codex',
  title: 'Codex',
  providers: ['openai'],
  plan(request, places, configFolder) {
    checkRequest(request, uuid);
    if (request.allowedTools !== undefined)
      unsupported('Codex', 'list of allowed tools: strictPermissions lets it read, and nothing else');
    if (request.smallModel !== undefined) unsupported('Codex', 'model for small work');
    if (request.bedrock !== undefined) unsupported('Codex', 'way to Bedrock');
    const resume = request.resume === undefined ? [] : ['resume', request.resume];
    return {
      // A project that is no git repository is refused otherwise. `-`: the prompt comes by standard input.
      argv: ['codex', 'exec', '--json', '--skip-git-repo-check', ...resume, '-'],
      env: { CODEX_HOME: configFolder, [keyVariable]: places.placeholderKey },
      stdin: request.prompt,
      files: [{ path: 'config.toml', content: stringify(settings(request, places)), mode: 0o600 }],
    };
  },
  // It has no limit of its own.
  newParser: (options = {}) => new LineParser(new RunRecord(uuid), readCodexLine, options),
};

/** Names that begin with PADDOCK_ are kept for Paddock itself. */
const keyVariable = 'CODEX_MODEL_KEY';

function settings(request: AgentRequest, places: Places): Record<string, unknown> {
  return {
    ...(request.model === undefined ? {} : { model: request.model }),
    model_provider: 'paddock',
    ...(request.systemPrompt === undefined ? {} : { developer_instructions: request.systemPrompt }),
    // Nobody is there to approve. Its own sandbox, where asked for, lets commands read and nothing else.
    approval_policy: 'never',
    sandbox_mode: request.strictPermissions ? 'read-only' : 'danger-full-access',
    // Runs at the provider, out of reach of the list of hosts.
    web_search: 'disabled',
    check_for_update_on_startup: false,
    analytics: { enabled: false },
    feedback: { enabled: false },
    otel: { exporter: 'none' },
    // Else it asks github.com and chatgpt.com for catalogues at every start.
    features: { plugins: false, remote_plugin: false, plugin_sharing: false, apps: false, in_app_updates: false },
    // A key has no business in what the agent's commands see, not even its placeholder.
    shell_environment_policy: { exclude: [keyVariable] },
    model_providers: {
      paddock: {
        name: 'paddock',
        base_url: `${placeOf(places, 'openai')}/v1`,
        env_key: keyVariable,
        wire_api: 'responses',
      },
    },
    ...(request.mcpConfig === undefined ? {} : { mcp_servers: servers(request.mcpConfig) }),
  };
}

function servers(config: McpConfig): Record<string, object> {
  const all = Object.entries(config.mcpServers).map(([name, server]): [string, object] => {
    if (isLocal(server)) {
      const { command, args = [], env = {} } = server;
      return [name, { command, args, env }];
    }
    if (server.type === 'sse') unsupported('Codex', `MCP servers of type sse, as ${name} is`);
    return [name, { url: server.url, http_headers: server.headers ?? {} }];
  });
  return Object.fromEntries(all);
}
