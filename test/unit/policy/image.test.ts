import { describe, expect, it } from 'vitest';
import { judgeImage } from '../../../src/policy/judge-image.js';
import { ruleOf } from './support/context.js';

const digest = `sha256:${'a'.repeat(64)}`;

describe('image references', () => {
  const anyImage = { images: ['*'] };

  it.each([
    'docker.io/library/node:22',
    'localhost/mine:1',
    'localhost:5000/a/b-c__d.e:v1.2',
    'registry.example:443/x:1',
    `quay.io/org/app@${digest}`,
    `quay.io/org/app:1@${digest}`,
    'quay.io/org/app:latest',
  ])('%s is fully qualified', (image) => {
    expect(ruleOf({ image }, anyImage)).toBe('allow');
  });

  it.each([
    'node',
    'node:22',
    'library/node:22',
    'docker.io/library/node',
    'docker.io/',
    'docker.io/node@sha256:abc',
    'docker.io/Node:1',
    'docker.io/a//b:1',
    'docker.io/a/../b:1',
    'docker.io/a:1?x=y',
    'docker.io/a:1 ',
    'docker.io/a:1\n',
    'docker.io\\a:1',
    'docker-daemon:/etc/x:1',
    'oci-archive:/x',
    '/etc/passwd:1',
    'https://docker.io/a:1',
    'HOST',
    '-v',
    '--upload-pack=x',
    '-v/etc:/etc/docker.io/a:1',
    '',
  ])('%j is not', (image) => {
    expect(ruleOf({ image }, anyImage)).toBe('image.reference');
  });

  it.each([
    [['docker.io/library/node:22'], 'allow'],
    [['docker.io/library/*'], 'allow'],
    [['docker.io/library/node:2'], 'image.not-allowed'],
    [['docker.io/library/node'], 'image.not-allowed'],
    [[], 'image.not-allowed'],
  ])('are held against the list %j', (images, rule) => {
    expect(ruleOf({ image: 'docker.io/library/node:22' }, { images })).toBe(rule);
  });

  it('other than host take no host folders', () => {
    expect(ruleOf({ image: 'localhost/a:1', hostFolders: ['/opt'] }, anyImage)).toBe('host-folders.image');
  });
});

describe('judging an image', () => {
  const plain = {
    env: ['PATH=/bin', 'A=b=c'],
    volumes: ['/data/', '/data'],
    annotations: { 'org.opencontainers.x': '1' },
  };

  it('returns its environment and its volumes', () => {
    expect(judgeImage(plain)).toMatchObject({
      verdict: 'allow',
      env: { PATH: '/bin', A: 'b=c' },
      volumes: ['/data'],
    });
  });

  it.each([
    'run.oci.seccomp_bpf_data',
    'io.podman.annotations.privileged',
    'org.systemd.property.X',
    'krun.x',
    'RUN.OCI.x',
  ])('refuses the annotation %s', (name) => {
    const verdict = judgeImage({ ...plain, annotations: { [name]: '' } });
    expect(verdict).toMatchObject({ verdict: 'deny', ruleId: 'image.annotation' });
  });

  it.each(['SSH_AUTH_SOCK', 'AWS_*', 'A*=1', '*', '=x', 'A\n=1'])('refuses the environment entry %j', (entry) => {
    expect(judgeImage({ ...plain, env: [entry] })).toMatchObject({ verdict: 'deny', ruleId: 'image.env' });
  });

  it.each(['/proc', '/sys/x', 'relative', '/a,b', '/a/../b'])('refuses the volume %j', (path) => {
    expect(judgeImage({ ...plain, volumes: [path] })).toMatchObject({ verdict: 'deny', ruleId: 'path.inside' });
  });

  it('leaves our own variables out and says so', () => {
    const verdict = judgeImage({ ...plain, env: ['PADDOCK_X=1', 'a-b=1', '__proto__=x'] });
    expect(verdict).toMatchObject({ verdict: 'allow', env: {} });
    expect(verdict).toHaveProperty('notes.length', 4);
  });
});
