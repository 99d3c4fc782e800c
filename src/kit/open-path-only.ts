/**
 * O_PATH, which node:fs does not name; the same number on every architecture that Node runs on under Linux. Opens what may not be read, and
 * starts no device and no FIFO.
 */
export const openPathOnly = 0x200000;
