// Has a layer to itself until it is killed, or told to give it up.
import { withLayer } from '../../../../src/session/changes/own-layer.js';
import { layerFrom, readLayerNote } from '../../../../src/workspace/layer-note.js';

const [folder = ''] = process.argv.slice(2);
const note = await readLayerNote(folder);
if (note === undefined) throw new Error('there is no layer');
await withLayer(layerFrom(folder, note), async () => {
  process.stdout.write('mine\n');
  await new Promise((resolve) => process.stdin.once('data', resolve));
});
process.exit(0);
