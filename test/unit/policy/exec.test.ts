import { describe, expect, it } from 'vitest';
import { decideExec, execLimits } from '../../../src/policy/exec.js';
import { context, specOf } from './support/context.js';

const policy = context().sitePolicy;

function judge(request: unknown, spec = specOf({})) {
  return decideExec(request, spec, policy);
}

describe('a command', () => {
  it('is an argv, as it is', () => {
    const argv = ['node', '-e', 'console.log("$HOME")\n', ''];
    expect(judge({ argv })).toEqual({
      verdict: 'allow',
      request: {
        argv,
        timeoutMs: 600_000,
        outputCapBytes: execLimits.outputCapBytes.usual,
        outputLimitBytes: execLimits.outputLimitBytes.usual,
      },
    });
  });

  it('is refused for its length before anything looks at all of it', () => {
    expect(judge({ command: `${'x'.repeat(131_072)}\0\ud800` })).toMatchObject({
      reason: expect.stringContaining('more than 131072 bytes'),
    });
  });

  it('is a shell line otherwise', () => {
    expect(judge({ command: 'ls | wc' })).toMatchObject({ request: { argv: ['/bin/sh', '-c', 'ls | wc'] } });
  });

  it('takes its place, environment, input and limits', () => {
    const request = {
      argv: ['x'],
      cwd: '/workspace//a/',
      env: { A: '1' },
      timeout: '90s',
      outputCap: '1m',
      outputLimit: '2m',
    };
    expect(judge({ ...request, stdin: new Uint8Array([1, 0]) })).toMatchObject({
      request: {
        cwd: '/workspace/a',
        env: { A: '1' },
        timeoutMs: 90_000,
        outputCapBytes: 1024 ** 2,
        stdin: new Uint8Array([1, 0]),
      },
    });
  });

  it("gets its session's time when it asks for none", () => {
    expect(judge({ argv: ['x'] }, specOf({ timeout: '20s' }))).toMatchObject({ request: { timeoutMs: 20_000 } });
  });

  it.each([
    [{}, 'exec.command'],
    [{ argv: ['x'], command: 'x' }, 'exec.command'],
    [{ argv: [] }, 'request.invalid'],
    [{ argv: [''] }, 'exec.command'],
    [{ command: '' }, 'exec.command'],
    [{ argv: ['a\0b'] }, 'exec.command'],
    [{ argv: ['\ud800'] }, 'exec.command'],
    [{ argv: ['x'.repeat(131_072)] }, 'exec.command'],
    [{ argv: Array(10).fill('x'.repeat(120_000)) }, 'exec.command'],
    [{ argv: Array(4097).fill('x') }, 'request.invalid'],
    [{ argv: ['x'.repeat(3_000_000)] }, 'request.shape'],
    [{ argv: ['x'], cwd: '/proc/self/cwd' }, 'path.inside'],
    [{ argv: ['x'], cwd: '/dev/fd' }, 'path.inside'],
    [{ argv: ['x'], cwd: '/sys' }, 'path.inside'],
    [{ argv: ['x'], cwd: 'src' }, 'path.inside'],
    [{ argv: ['x'], cwd: '/a/../proc' }, 'path.inside'],
    [{ argv: ['x'], env: { 'A=B': 'c' } }, 'env.malformed'],
    [{ argv: ['x'], env: { paddock_x: 'c' } }, 'env.reserved'],
    [{ argv: ['x'], timeout: '9h' }, 'timeout.ceiling'],
    [{ argv: ['x'], timeout: -1 }, 'limits.malformed'],
    [{ argv: ['x'], outputCap: '9m' }, 'exec.output'],
    [{ argv: ['x'], outputCap: 1 }, 'exec.output'],
    [{ argv: ['x'], stdin: 5 }, 'exec.stdin'],
    [{ argv: ['x'], stdin: 'x'.repeat(8 * 1024 ** 2 + 1) }, 'exec.stdin'],
    [{ argv: ['x'], user: 'root' }, 'request.unknown-key'],
    [{ argv: ['x'], Privileged: true }, 'request.unknown-key'],
    [null, 'request.invalid'],
  ] as const)('number %# is refused by its rule', (request, rule) => {
    expect(judge(request)).toMatchObject({ verdict: 'deny', ruleId: rule });
  });
});
