import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readHostRoom } from '../../../src/session/host-room.js';

describe('the room of a host', () => {
  it('is what the kernel says is available, within the limits of the cgroups around us', () => {
    const folder = mkdtempSync(join(tmpdir(), 'paddock-room-'));
    try {
      mkdirSync(join(folder, 'proc', 'self'), { recursive: true });
      mkdirSync(join(folder, 'cgroup', 'user', 'app'), { recursive: true });
      writeFileSync(join(folder, 'proc', 'meminfo'), 'MemTotal: 100 kB\nMemAvailable:      42 kB\n');
      writeFileSync(join(folder, 'proc', 'self', 'cgroup'), '0::/user/app\n');
      writeFileSync(join(folder, 'cgroup', 'user', 'app', 'memory.max'), 'max\n');
      const room = () => readHostRoom(join(folder, 'proc'), join(folder, 'cgroup'));
      expect(room()).toEqual({ memoryBytes: totalmem(), availableBytes: 42 * 1024 });
      writeFileSync(join(folder, 'cgroup', 'user', 'memory.max'), '1048576\n');
      expect(room()).toEqual({ memoryBytes: 1048576, availableBytes: 42 * 1024 });
      expect(readHostRoom('/nowhere', '/nowhere')).toEqual({ memoryBytes: totalmem(), availableBytes: undefined });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
