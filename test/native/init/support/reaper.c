// Test support: src/init/reaper.c where children die as fast as they are reaped, and that without end. Silent and 0 when
// it comes back all the same, more than once, and has the strangers looked for meanwhile.
#include "../../../../src/init/reaper.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "../../../../src/init/command.h"
#include "../../../../src/init/session.h"
#include "../../../../src/init/tree.h"

static int64_t now;
static unsigned reaped, looks;

// What reaper.c needs of the others, the kernel included.
pid_t waitpid(pid_t pid, int *status, int options) {
  (void)pid, (void)status, (void)options;
  return 4711;
}
void commands_reaped(pid_t pid) {
  (void)pid;
  reaped++;
}
size_t commands_supervisors(pid_t *pids) {
  (void)pids;
  return 0;
}
bool commands_any_lost(void) { return false; }
void commands_lost_are_clean(void) {}
bool tree_is_readable(void) { return true; }
bool tree_was_seen_whole(void) { return true; }
size_t tree_kill(const pid_t *spared, size_t count) {
  (void)spared, (void)count;
  looks++;
  return 0;
}
int64_t session_now_ms(void) { return now; }
_Noreturn void session_end(enum init_exit status, enum bye_why why, const char *text) {
  (void)why;
  fprintf(stderr, "ended: %s\n", text);
  exit(status);
}

int main(void) {
  for (now = 1; now <= 100; now++) {
    const unsigned before = reaped;
    if (reaper_reap() || reaped == before) fprintf(stderr, "says that it has them all\n");
    (void)reaper_tick(now);
  }
  // About every ten milliseconds.
  if (looks < 5 || looks > 10) fprintf(stderr, "looked %u times\n", looks);
  return 0;
}
