import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { agents } from '../../../src/agents/all.js';
import { type AgentId, type AgentPlan, type AgentRequest, agentIds } from '../../../src/agents/types.js';
import { places, request } from './support/run.js';

const uuid = '3f1c2b4a-0d5e-4f60-8a7b-9c0d1e2f3a4b';
const mcpConfig = {
  mcpServers: {
    files: { command: 'npx', args: ['-y', 'a-server'], env: { LEVEL: 'debug' } },
    docs: { type: 'http' as const, url: 'https://mcp.example/x', headers: { accept: 'a' } },
  },
};

function plan(id: AgentId, changes: Partial<AgentRequest> = {}): AgentPlan {
  return agents[id].plan(request(id, changes), places, '/agent');
}
function file(made: AgentPlan, path: string): string {
  return made.files.find((one) => one.path === path)?.content ?? '';
}
const json = (made: AgentPlan, path: string) => JSON.parse(file(made, path)) as Record<string, unknown>;
const toml = (made: AgentPlan) => parse(file(made, 'config.toml'));

describe.each(agentIds)('the plan for %s', (id) => {
  it('passes a prompt that looks like an option by standard input, and nowhere else', () => {
    const prompt = '--dangerously; $(touch x)\n-p';
    const { stdin, ...rest } = plan(id, { prompt });
    expect(stdin).toBe(prompt);
    expect(JSON.stringify(rest)).not.toContain('touch x');
  });

  it('passes a system prompt that looks like an option as text', () => {
    const made = plan(id, { systemPrompt: '--resume "x"\n[a]' });
    expect(made.argv).not.toContain('--resume "x"\n[a]');
    expect(JSON.stringify(made)).toContain('--resume');
  });

  it.each(['-x', '--help', '../x', '', 'a b', `${uuid}\n`])('refuses to resume %j', (resume) => {
    expect(() => plan(id, { resume })).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
  });

  it.each(['-x', '--model=y', 'a b', 'x\ny', ''])('refuses the model %j', (model) => {
    expect(() => plan(id, { model })).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
  });

  it('knows the provider by its place inside and the placeholder of a key only', () => {
    const text = JSON.stringify(plan(id));
    expect(text).toContain('http://127.0.0.1:61200/');
    expect(text).toContain('paddock-placeholder');
    expect(text).not.toMatch(/https:/);
    const nowhere = { placeholderKey: 'p' };
    expect(() => agents[id].plan(request(id), nowhere, '/agent')).toThrow(
      expect.objectContaining({ code: 'BAD_ARGUMENT' }),
    );
  });

  it('keeps its files for its own user', () => {
    expect(plan(id, { mcpConfig }).files.map(({ mode }) => mode)).toSatisfy((modes: number[]) =>
      modes.every((mode) => mode === 0o600),
    );
  });

  it.each([
    [{ prompt: '  ' }],
    [{ allowedTools: ['Bash'] }],
    [{ strictPermissions: true, allowedTools: ['--x'] }],
    [{ strictPermissions: true, allowedTools: ['a,b'] }],
    [{ maxTurns: 0 }],
    [{ maxTurns: 1.5 }],
    [{ bedrock: { region: 'x;y', model: 'm' } }],
  ] as Partial<AgentRequest>[][])('refuses %j', (changes) => {
    expect(() => plan(id, changes)).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
  });
});

describe('Claude Code', () => {
  it('may do everything in the sandbox, also as root, unless it is to be strict', () => {
    expect(plan('claude').argv).toContain('--permission-mode=bypassPermissions');
    expect(plan('claude').env['IS_SANDBOX']).toBe('1');
    const strict = plan('claude', { strictPermissions: true, allowedTools: ['Write', 'Bash(npm test:*)'] });
    expect(strict.argv).toEqual(
      expect.arrayContaining(['--permission-mode=dontAsk', '--allowedTools=Write,Bash(npm test:*)']),
    );
    expect(strict.argv.join(' ')).not.toContain('bypass');
  });

  it('gets its options, and MCP servers by a file', () => {
    const made = plan('claude', { model: 'opus[1m]', smallModel: 'small', resume: uuid, maxTurns: 3, mcpConfig });
    const wanted = [
      '--model=opus[1m]',
      `--resume=${uuid}`,
      '--max-turns=3',
      '--mcp-config=/agent/mcp.json',
      '--strict-mcp-config',
    ];
    expect(made.argv).toEqual(expect.arrayContaining(wanted));
    expect(made.env).toMatchObject({ CLAUDE_CONFIG_DIR: '/agent', ANTHROPIC_DEFAULT_HAIKU_MODEL: 'small' });
    expect(json(made, 'mcp.json')).toEqual(mcpConfig);
  });

  it('speaks with Bedrock unsigned, by the place inside', () => {
    const arn = 'arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.x-v1:0';
    const { env, argv } = plan('claude', { bedrock: { region: 'eu-west-1', model: arn } });
    expect(env).toMatchObject({
      CLAUDE_CODE_USE_BEDROCK: '1',
      CLAUDE_CODE_SKIP_BEDROCK_AUTH: '1',
      ANTHROPIC_BEDROCK_BASE_URL: places.bedrock,
      AWS_REGION: 'eu-west-1',
      ANTHROPIC_MODEL: arn,
      ANTHROPIC_DEFAULT_HAIKU_MODEL: arn,
    });
    expect(Object.keys(env)).not.toContain('ANTHROPIC_API_KEY');
    expect(argv.join(' ')).not.toContain('--model');
  });
});

describe('Codex', () => {
  it('gets everything by its configuration', () => {
    const made = plan('codex', { model: 'a-model', systemPrompt: 'say "hi"\n\u007f', mcpConfig });
    expect(toml(made)).toMatchObject({
      model: 'a-model',
      developer_instructions: 'say "hi"\n\u007f',
      sandbox_mode: 'danger-full-access',
      web_search: 'disabled',
      model_providers: { paddock: { base_url: `${places.openai}/v1` } },
      mcp_servers: { files: { command: 'npx', env: { LEVEL: 'debug' } }, docs: { url: 'https://mcp.example/x' } },
    });
    expect(toml(plan('codex', { strictPermissions: true }))).toMatchObject({ sandbox_mode: 'read-only' });
    expect(plan('codex', { resume: uuid }).argv.slice(-3)).toEqual(['resume', uuid, '-']);
  });

  it('says what it has nothing for', () => {
    const sse = { mcpServers: { a: { type: 'sse' as const, url: 'https://x.example' } } };
    const all: Partial<AgentRequest>[] = [
      { smallModel: 'x' },
      { strictPermissions: true, allowedTools: ['a'] },
      { mcpConfig: sse },
    ];
    for (const one of all) expect(() => plan('codex', one)).toThrow(/Codex has no/);
  });
});

describe('Gemini CLI', () => {
  it('gets its settings and instructions by files, and its options', () => {
    const made = plan('gemini', { model: 'a-model', resume: uuid, systemPrompt: 'be kind', mcpConfig });
    expect(json(made, '.gemini/settings.json')).toMatchObject({
      privacy: { usageStatisticsEnabled: false },
      mcpServers: { files: { command: 'npx', trust: true }, docs: { httpUrl: 'https://mcp.example/x' } },
    });
    expect(file(made, '.gemini/GEMINI.md')).toBe('be kind');
    expect(made.argv).toEqual(expect.arrayContaining(['--approval-mode=yolo', '--model=a-model', `--resume=${uuid}`]));
  });

  it('is strict by its default mode, in which it denies', () => {
    const { argv } = plan('gemini', { strictPermissions: true, allowedTools: ['write_file', 'glob'] });
    expect(argv).toEqual(
      expect.arrayContaining(['--approval-mode=default', '--allowed-tools=write_file', '--allowed-tools=glob']),
    );
  });
});

describe('opencode', () => {
  it('gets the provider that the model names', () => {
    const made = plan('opencode', { model: 'google/big', smallModel: 'openai/small', mcpConfig });
    expect(json(made, 'opencode.json')).toMatchObject({
      model: 'google/big',
      small_model: 'openai/small',
      enabled_providers: ['google', 'openai'],
      provider: {
        google: { options: { baseURL: `${places.google}/v1beta` }, models: { big: {} } },
        openai: { options: { baseURL: `${places.openai}/v1` }, models: { small: {} } },
      },
      permission: 'allow',
      mcp: { files: { command: ['npx', '-y', 'a-server'], environment: { LEVEL: 'debug' } }, docs: { type: 'remote' } },
    });
    for (const model of ['big', 'other/big']) expect(() => plan('opencode', { model })).toThrow(/name one as/);
  });

  it('is strict by denying everything else', () => {
    const made = plan('opencode', {
      strictPermissions: true,
      allowedTools: ['bash'],
      resume: 'ses_df9a9a247ffeFLTL1x96PtefBp',
    });
    expect(json(made, 'opencode.json')['permission']).toEqual({ '*': 'deny', bash: 'allow' });
    expect(made.argv.at(-1)).toBe('--session=ses_df9a9a247ffeFLTL1x96PtefBp');
  });
});
