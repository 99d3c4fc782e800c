import { readFileSync } from 'node:fs';
import { expressionsOf } from './dashboard.js';

// For scripts/check-monitoring: the dashboard's expressions as rules that record, which is what promtool reads. Grafana's variables become values.
const dashboard = readFileSync(new URL('../../../../monitoring/grafana-dashboard.json', import.meta.url), 'utf8');
const rules = expressionsOf(dashboard).map((expr, index) => ({ record: `dashboard:expression${index}`, expr }));
if (rules.length < 20) throw new Error(`${rules.length} expressions in the dashboard: they are not where they were`);
process.stdout.write(JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
