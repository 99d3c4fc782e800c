import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', 'scripts/**', '*.config.js', '*.cjs'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { project: './tsconfig.test.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      'max-lines': ['error', { max: 400 }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'max-lines-per-function': ['error', { max: 40, skipBlankLines: true, skipComments: true }],
      // In the bundle a package of CommonJS that is loaded late has a default and no names, which no test of the sources sees.
      'no-restricted-syntax': [
        'error',
        {
          selector: 'ImportExpression[source.value=/^(?!\\.|node:)/]',
          message: 'Load a module of our own late, which imports the package.',
        },
        {
          selector: 'Property[key.name="shell"], Property[key.value="shell"]',
          message: 'No shell of the host reads what comes from a caller: spawn a program with its arguments.',
        },
      ],
      'no-restricted-imports': [
        'error',
        ...['node:child_process', 'child_process'].map((name) => ({
          name,
          importNames: ['exec', 'execSync', 'default'],
          message: 'These start a shell of the host: spawn a program with its arguments.',
        })),
      ],
    },
  },
  {
    // The SDK calls its low-level server deprecated for ordinary use; ours is the other one (see src/mcp/server.ts).
    files: ['src/mcp/**/*.ts'],
    rules: { '@typescript-eslint/no-deprecated': 'off' },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
    },
  },
);
