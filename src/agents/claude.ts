import { checkRequest, placeOf, uuid } from './asked.js';
import { readClaudeLine } from './claude-output.js';
import { LineParser } from './line-parser.js';
import { RunRecord } from './run-record.js';
import type { AgentAdapter, AgentRequest, ConfigFile, Places } from './types.js';

/** Claude Code, by its native program; written against 2.1.330. */
export const claude: AgentAdapter = {
  id: 'claude',
  title: 'Claude Code',
  providers: ['anthropic', 'bedrock'],
  plan(request, places, configFolder) {
    checkRequest(request, uuid);
    const mcp: ConfigFile[] =
      request.mcpConfig === undefined
        ? []
        : [{ path: 'mcp.json', content: JSON.stringify(request.mcpConfig), mode: 0o600 }];
    return {
      argv: ['claude', ...options(request), ...mcp.map(({ path }) => `--mcp-config=${configFolder}/${path}`)],
      // It refuses to start where another user made /tmp/claude-UID before.
      env: {
        ...quiet,
        ...provider(request, places),
        CLAUDE_CONFIG_DIR: configFolder,
        CLAUDE_CODE_TMPDIR: configFolder,
      },
      stdin: request.prompt,
      files: mcp,
    };
  },
  // It counts its turns itself.
  newParser: ({ pace } = {}) => new LineParser(new RunRecord(uuid), readClaudeLine, { pace }),
};

/** Every value in one word with its option: a text that begins with `-` stays a text. */
function options(request: AgentRequest): string[] {
  const { model, resume, maxTurns, systemPrompt, allowedTools, bedrock } = request;
  return [
    // The stream of events needs --verbose, and `-p` without a prompt reads it from standard input.
    ...['-p', '--output-format=stream-json', '--verbose'],
    // Else a project's .mcp.json would be asked about.
    '--strict-mcp-config',
    // Without the first everything may be done (IS_SANDBOX lets root do so); with it what is not allowed is denied, nobody is asked.
    `--permission-mode=${request.strictPermissions ? 'dontAsk' : 'bypassPermissions'}`,
    ...(allowedTools === undefined || allowedTools.length === 0 ? [] : [`--allowedTools=${allowedTools.join(',')}`]),
    ...(model === undefined || bedrock !== undefined ? [] : [`--model=${model}`]),
    ...(resume === undefined ? [] : [`--resume=${resume}`]),
    ...(maxTurns === undefined ? [] : [`--max-turns=${maxTurns}`]),
    ...(systemPrompt === undefined ? [] : [`--append-system-prompt=${systemPrompt}`]),
  ];
}

/** Nothing but requests for models leaves it. It refuses bypassPermissions to uid 0 unless it is told of the sandbox. */
const quiet = {
  IS_SANDBOX: '1',
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  CLAUDE_CODE_DISABLE_FEEDBACK_SURVEY: '1',
  DISABLE_AUTOUPDATER: '1',
  DISABLE_UPDATES: '1',
  DISABLE_INSTALLATION_CHECKS: '1',
  DISABLE_TELEMETRY: '1',
  DISABLE_ERROR_REPORTING: '1',
  DISABLE_FEEDBACK_COMMAND: '1',
} as const;

function provider(request: AgentRequest, places: Places): Record<string, string> {
  if (request.bedrock === undefined) {
    return {
      ANTHROPIC_BASE_URL: placeOf(places, 'anthropic'),
      ANTHROPIC_API_KEY: places.placeholderKey,
      ...small(request.smallModel),
    };
  }
  // Unsigned: the broker signs. A model is always named, or it would try all those it knows of.
  return {
    CLAUDE_CODE_USE_BEDROCK: '1',
    CLAUDE_CODE_SKIP_BEDROCK_AUTH: '1',
    ANTHROPIC_BEDROCK_BASE_URL: placeOf(places, 'bedrock'),
    AWS_REGION: request.bedrock.region,
    ANTHROPIC_MODEL: request.bedrock.model,
    ...small(request.bedrock.smallModel ?? request.bedrock.model),
  };
}

/** The second name is that of older versions. */
function small(model: string | undefined): Record<string, string> {
  return model === undefined ? {} : { ANTHROPIC_DEFAULT_HAIKU_MODEL: model, ANTHROPIC_SMALL_FAST_MODEL: model };
}
