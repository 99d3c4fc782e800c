// Who may import whom (docs/architecture.md). Everything not listed here is forbidden.
const rooms = {
  core: [],
  kit: ['core'],
  config: ['core', 'kit', 'policy'],
  policy: ['core', 'kit'],
  engine: ['core', 'kit'],
  confine: ['core', 'kit', 'engine'],
  monitor: ['core', 'kit', 'engine'],
  workspace: ['core', 'kit', 'engine'],
  audit: ['core', 'kit'],
  agents: ['core', 'kit'],
  channel: ['core', 'kit'],
  egress: ['core', 'kit', 'channel', 'policy'],
  sandbox: ['core', 'kit', 'engine', 'confine', 'monitor', 'workspace', 'policy', 'audit', 'channel'],
  image: ['core', 'kit', 'engine', 'policy', 'agents'],
  session: [
    'core',
    'kit',
    'engine',
    'confine',
    'monitor',
    'workspace',
    'policy',
    'audit',
    'channel',
    'egress',
    'agents',
    'sandbox',
  ],
  doctor: ['core', 'kit', 'engine', 'confine', 'monitor', 'workspace', 'policy', 'audit', 'sandbox', 'session'],
  tools: ['core', 'kit', 'monitor', 'session', 'doctor', 'policy', 'egress', 'agents'],
  mcp: ['core', 'kit', 'tools', 'audit', 'config'],
};

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: { path: '^src' }, to: { circular: true } },
    {
      name: 'only-listed-packages',
      severity: 'error',
      from: { path: '^src' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'unknown'] },
    },
    {
      name: 'sdk-only-in-mcp',
      severity: 'error',
      from: { path: '^src', pathNot: '^src/mcp/' },
      to: { path: 'node_modules/@modelcontextprotocol' },
    },
    ...Object.entries(rooms).map(([room, allowed]) => ({
      name: `room-${room}`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: { path: '^src/', pathNot: `^src/(${[room, ...allowed].join('|')})/` },
    })),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
    exclude: '^src/init/',
  },
};
