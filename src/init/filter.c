#define _GNU_SOURCE 1
#include "filter.h"

#include <errno.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// As `canary` in src/confine/seccomp/profile.ts says: operations that no kernel knows, so that without our filter nothing happens, and errnos that
// no kernel gives.
enum { CANARY_OPERATION = 0x70646b00, CANARY_ERRNO = 1024, CANARY_BYTES = 4 };

void filter_take_name(void) {
  static const char digits[] = "0123456789abcdef";
  char name[] = "init-........";
  char *at = name + sizeof "init-" - 1;
  for (int i = 0; i < CANARY_BYTES; i++) {
    const long result = syscall(SYS_keyctl, (long)CANARY_OPERATION + i, 0L, 0L, 0L, 0L);
    const int byte = errno - CANARY_ERRNO;
    if (result != -1 || byte < 0 || byte > UINT8_MAX) return;
    *at++ = digits[byte >> 4];
    *at++ = digits[byte & 15];
  }
  // Seen from the host in /proc/PID/status, whichever way commands get in.
  prctl(PR_SET_NAME, name, 0L, 0L, 0L);
}
