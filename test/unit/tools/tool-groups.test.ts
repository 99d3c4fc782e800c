import { describe, expect, it } from 'vitest';
import { allTools } from '../../../src/tools/all-tools.js';
import { toolGroups, toolsOf } from '../../../src/tools/tool-groups.js';

describe('the groups of tools', () => {
  it('have every tool in exactly one', () => {
    const grouped = Object.values(toolGroups).flat();
    expect([...grouped].sort()).toEqual(allTools.map(({ name }) => name).sort());
  });

  it('read has only tools that say they change nothing', () => {
    const said = allTools.filter(({ annotations }) => annotations.readOnlyHint).map(({ name }) => name);
    expect(said).toEqual(expect.arrayContaining([...toolGroups.read]));
  });

  it('are scopes, as tools are, and what is neither gives nothing', () => {
    expect([...toolsOf(['check', 'read_file'])]).toEqual(['check_host', 'read_file']);
    expect(allTools.filter(({ name }) => toolsOf(['constructor', 'reads', '*']).has(name))).toEqual([]);
  });
});
