import { formatBytes } from '../../core/units.js';
import { viewSnapshot } from '../../tools/snapshot-view.js';
import { App } from '../app.js';
import { type CliCommand, text } from '../command.js';
import { report, table } from '../output.js';
import { sessionCopies } from '../session-copies.js';
import { settingsOf } from '../settings.js';

export const snapshots: CliCommand = {
  name: 'snapshots',
  usage: 'snapshots [--rm ID]',
  summary: 'lists the snapshots, or removes one',
  options: { rm: { type: 'string', help: 'id or name of the one to remove' } },
  async run(context) {
    await using app = new App(await settingsOf(context), context.env);
    const copies = await sessionCopies(app);
    const gone = text(context, 'rm');
    if (gone !== undefined) {
      const id = await copies.snapshots.remove(gone);
      await report(context, { removed: { snapshotId: id } }, `${id} removed`);
      return 0;
    }
    const views = (await copies.snapshots.list()).map(viewSnapshot);
    const unreadable = await copies.snapshots.unreadable();
    const rows = [
      ...views.map((v) => [v.snapshotId, v.name ?? '-', formatBytes(v.bytes), v.keptUntil, v.projectPath]),
      ...unreadable.map((id) => [id, '-', '-', 'removed', 'its note can not be read: it may be of a later Paddock']),
    ];
    const lines =
      rows.length === 0 ? 'no snapshots' : table([['SNAPSHOT', 'NAME', 'SIZE', 'KEPT UNTIL', 'PROJECT'], ...rows]);
    await report(context, { snapshots: views, unreadable }, lines);
    return 0;
  },
};
