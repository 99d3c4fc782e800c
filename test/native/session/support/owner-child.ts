// Has a layer to itself until it is killed, or told to give it up.
import type { AuditRecorder } from '../../../../src/audit/audit-log.js';
import type { SessionId } from '../../../../src/core/ids.js';
import { withLayer } from '../../../../src/session/changes/own-layer.js';
import { layerFrom, readLayerNote } from '../../../../src/workspace/layer-note.js';

const [folder = ''] = process.argv.slice(2);
const note = await readLayerNote(folder);
if (note === undefined) throw new Error('there is no layer');
const nothing = () => Promise.reject(new Error('there is nothing to record'));
const audit: AuditRecorder = { intent: nothing, event: nothing, forCaller: () => audit };
await withLayer(layerFrom(folder, note), { audit, session: note.session as SessionId }, async () => {
  process.stdout.write('mine\n');
  await new Promise((resolve) => process.stdin.once('data', resolve));
});
process.exit(0);
