/** Nothing was refused, but the outside can't be had. Never leaves this room: the client gets a status, or a SOCKS reply. */
export class OutsideFailure extends Error {
  readonly kind: 'unresolved' | 'refused' | 'timeout' | 'unreachable';

  constructor(kind: OutsideFailure['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}
