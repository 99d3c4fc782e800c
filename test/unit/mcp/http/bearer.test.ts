import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { Bearer } from '../../../../src/mcp/http/bearer.js';

describe('what stands behind Bearer', () => {
  it('is gone from the request once it was read: what handles that has no use for it', () => {
    const rawHeaders = ['Host', 'x', 'AUTHORIZATION', 'Bearer s3cret', 'X-Authorization', 'kept'];
    const headers = { host: 'x', authorization: 'Bearer s3cret', 'x-authorization': 'kept' };
    const request = { headers, rawHeaders } as unknown as IncomingMessage;
    expect(new Bearer(undefined).take(request)).toBe('s3cret');
    expect(JSON.stringify([request.headers, request.rawHeaders])).not.toContain('s3cret');
    expect(request.rawHeaders).toEqual(['Host', 'x', 'X-Authorization', 'kept']);
    expect(request.headers).toEqual({ host: 'x', 'x-authorization': 'kept' });
  });
});
