import { describe, expect, it } from 'vitest';
import { parseTriesOut, triesOutOf } from '../../../../src/kit/proc/tries-out.js';

const four =
  'Ip: Forwarding DefaultTTL OutDiscards OutNoRoutes\nIp: 2 64 0 4\nIcmp: InMsgs\nIcmp: 9\n' +
  'Udp: InDatagrams NoPorts InErrors\nUdp: 0 3 0\nUdpLite: InDatagrams NoPorts\nUdpLite: 0 50\n';
const six =
  'Ip6OutNoRoutes                  \t2\nUdp6NoPorts                     \t10\nUdpLite6NoPorts                 \t70\n';

describe('what a network namespace counts of tries to get out', () => {
  it('is read by name, of both families', () => {
    expect(parseTriesOut(four, six)).toEqual({ unrouted: 6, unanswered: 13 });
    expect(parseTriesOut(four, '')).toEqual({ unrouted: 4, unanswered: 3 });
  });

  it('is unknown where a number is missing', () => {
    expect(parseTriesOut(four.replace('OutNoRoutes', 'Other'), six)).toBeUndefined();
    expect(parseTriesOut('Ip: OutNoRoutes\n', six)).toBeUndefined();
    expect(parseTriesOut('', '')).toBeUndefined();
  });

  it('is there for a process of this kernel, and unknown for one that is not there', () => {
    expect(triesOutOf(process.pid)).toEqual({ unrouted: expect.any(Number), unanswered: expect.any(Number) });
    expect(triesOutOf(2 ** 30)).toBeUndefined();
  });
});
