import { describe, expect, it } from 'vitest';
import { judgeProgramsPath, judgeProjectPath, type PathContext } from '../../../src/workspace/path-rules.js';

const context: PathContext = {
  homeDir: '/home/ann',
  allowedRoots: ['/home/ann', '/srv/work'],
  privateFolders: ['/home/ann/docker-data', '/run/user/1000'],
};

describe('a project folder', () => {
  it.each(['/home/ann/project', '/home/ann/a/.git', '/srv/work', '/srv/work/x', '/home/ann/docker-database'])(
    'may be %s',
    (path) => {
      expect(judgeProjectPath(path, context)).toBeUndefined();
    },
  );

  it.each([
    ['/', 'workspace.root'],
    ['/home', 'workspace.home'],
    ['/home/ann', 'workspace.home'],
    ['/home/ann/.ssh', 'workspace.dot-folder'],
    ['/home/ann/.config/app', 'workspace.dot-folder'],
    ['/home/ann/docker-data', 'workspace.private-folder'],
    ['/home/ann/docker-data/overlay2', 'workspace.private-folder'],
    ['/run/user', 'workspace.private-folder'],
    ['/run', 'workspace.private-folder'],
    ['/etc', 'workspace.system-folder'],
    ['/etc/ssl/certs', 'workspace.system-folder'],
    ['/usr/local/src', 'workspace.system-folder'],
    ['/var/tmp/x', 'workspace.system-folder'],
    ['/proc/self/root', 'workspace.system-folder'],
    ['/dev/shm/x', 'workspace.system-folder'],
    ['/root', 'workspace.system-folder'],
    ['/home/anna/project', 'workspace.outside-roots'],
    ['/srv', 'workspace.outside-roots'],
    ['/srv/workers', 'workspace.outside-roots'],
    ['/home/ann/a,ro', 'workspace.characters'],
    ['/home/ann/a:b', 'workspace.characters'],
    ['/home/ann/a"b', 'workspace.characters'],
    ['/home/ann/a\nb', 'workspace.characters'],
    ['/home/ann/a\\b', 'workspace.characters'],
    ['/home/ann/a\u0085b', 'workspace.characters'],
  ])('may not be %s (%s)', (path, rule) => {
    expect(judgeProjectPath(path, context)).toBe(rule);
  });

  it('may lie in a home that is itself below a system folder', () => {
    const silverblue = { ...context, homeDir: '/var/home/ann', allowedRoots: ['/var/home/ann'] };
    expect(judgeProjectPath('/var/home/ann/project', silverblue)).toBeUndefined();
    expect(judgeProjectPath('/var/home/ann/.ssh', silverblue)).toBe('workspace.dot-folder');
    expect(judgeProjectPath('/var/lib/x', { ...silverblue, allowedRoots: ['/var/lib'] })).toBe(
      'workspace.system-folder',
    );
  });

  it('needs an allowed root', () => {
    expect(judgeProjectPath('/home/ann/project', { ...context, allowedRoots: [] })).toBe('workspace.outside-roots');
  });
});

describe('a folder of programs for the host image', () => {
  const programs = { ...context, allowedRoots: ['/home/ann', '/opt'] };

  it.each(['/home/ann/.nvm/versions', '/home/ann/.local/share/uv', '/home/ann/.cargo/bin', '/opt/x'])(
    'may be %s',
    (path) => {
      expect(judgeProgramsPath(path, programs)).toBeUndefined();
    },
  );

  it.each([
    ['/home/ann', 'workspace.home'],
    ['/home/ann/.ssh', 'workspace.credentials'],
    ['/home/ann/.aws/sso', 'workspace.credentials'],
    ['/home/ann/.config', 'workspace.credentials'],
    ['/home/ann/.cargo', 'workspace.credentials'],
    ['/home/ann/.local/share', 'workspace.credentials'],
    ['/home/ann/.local', 'workspace.credentials'],
    ['/etc', 'workspace.system-folder'],
    ['/var/lib', 'workspace.system-folder'],
    ['/srv/x', 'workspace.outside-roots'],
  ])('may not be %s (%s)', (path, rule) => {
    expect(judgeProgramsPath(path, programs)).toBe(rule);
  });
});
