// Half a megabyte, which few commands need: loaded by the first of them that asks.
export { currentLoad, mem } from 'systeminformation';
