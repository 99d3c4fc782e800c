import { checkRequest, placeOf, unsupported } from './asked.js';
import { LineParser } from './line-parser.js';
import { isLocal, type McpConfig } from './mcp-config.js';
import { readOpencodeLine } from './opencode-output.js';
import { RunRecord } from './run-record.js';
import type { AgentAdapter, AgentRequest, Places } from './types.js';

const sessionIds = /^ses_[A-Za-z0-9]{8,64}$/;

/** opencode, by its native program; written against 1.18.33. */
export const opencode: AgentAdapter = {
  id: 'opencode',
  title: 'opencode',
  providers: ['anthropic', 'openai', 'google'],
  plan(request, places, configFolder) {
    checkRequest(request, sessionIds);
    if (request.bedrock !== undefined) unsupported('opencode', 'way to Bedrock');
    return {
      argv: [
        'opencode',
        'run',
        '--format=json',
        ...(request.resume === undefined ? [] : [`--session=${request.resume}`]),
      ],
      env: environment(configFolder),
      stdin: request.prompt,
      files: [
        { path: 'opencode.json', content: JSON.stringify(settings(request, places, configFolder)), mode: 0o600 },
        // Always: what an earlier run was told must not stay.
        { path: 'system.md', content: request.systemPrompt ?? '', mode: 0o600 },
      ],
    };
  },
  newParser: (options = {}) => new LineParser(new RunRecord(sessionIds), readOpencodeLine, options),
};

function environment(configFolder: string): Record<string, string> {
  return {
    OPENCODE_CONFIG: `${configFolder}/opencode.json`,
    // What it keeps of a session for a resume is in the data folder.
    XDG_DATA_HOME: `${configFolder}/data`,
    XDG_STATE_HOME: `${configFolder}/state`,
    XDG_CACHE_HOME: `${configFolder}/cache`,
    XDG_CONFIG_HOME: `${configFolder}/config`,
    OPENCODE_DISABLE_AUTOUPDATE: '1',
    OPENCODE_DISABLE_MODELS_FETCH: '1',
    OPENCODE_DISABLE_SHARE: '1',
    OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
    OPENCODE_DISABLE_DEFAULT_PLUGINS: '1',
  };
}

function settings(request: AgentRequest, places: Places, configFolder: string): object {
  const model = split(request.model);
  const small = split(request.smallModel ?? request.model);
  const ids = [...new Set([model.provider, small.provider])];
  const models = (id: Known) => [model, small].filter((one) => one.provider === id).map((one) => [one.name, {}]);
  const options = (id: Known) => ({
    baseURL: `${placeOf(places, id)}/${versions[id]}`,
    apiKey: places.placeholderKey,
  });
  return {
    autoupdate: false,
    share: 'disabled',
    enabled_providers: ids,
    provider: Object.fromEntries(
      ids.map((id) => [id, { options: options(id), models: Object.fromEntries(models(id)) as Record<string, object> }]),
    ),
    model: `${model.provider}/${model.name}`,
    small_model: `${small.provider}/${small.name}`,
    permission: permission(request),
    instructions: [`${configFolder}/system.md`],
    ...(request.mcpConfig === undefined ? {} : { mcp: servers(request.mcpConfig) }),
  };
}

const versions: Readonly<Record<Known, string>> = { anthropic: 'v1', openai: 'v1', google: 'v1beta' };
type Known = 'anthropic' | 'openai' | 'google';

/** `PROVIDER/NAME`, as opencode writes it. It has no default that would hold for every provider. */
function split(model: string | undefined): { readonly provider: Known; readonly name: string } {
  const [, provider, name] = /^(anthropic|openai|google)\/(.+)$/.exec(model ?? '') ?? [];
  if (provider === undefined || name === undefined) {
    unsupported('opencode', 'model of its own choice: name one as anthropic/NAME, openai/NAME or google/NAME');
  }
  return { provider: provider as Known, name };
}

/** What is not allowed is denied: a question would find nobody. */
function permission(request: AgentRequest): unknown {
  if (!request.strictPermissions) return 'allow';
  return Object.fromEntries([['*', 'deny'], ...(request.allowedTools ?? []).map((tool) => [tool, 'allow'])]);
}

function servers(config: McpConfig): Record<string, object> {
  const all = Object.entries(config.mcpServers).map(([name, server]): [string, object] => {
    if (!isLocal(server))
      return [name, { type: 'remote', url: server.url, headers: server.headers ?? {}, enabled: true }];
    const command = [server.command, ...(server.args ?? [])];
    return [name, { type: 'local', command, environment: server.env ?? {}, enabled: true }];
  });
  return Object.fromEntries(all);
}
