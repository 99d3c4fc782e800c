#define _GNU_SOURCE 1
#include "reaper.h"

#include <errno.h>
#include <sys/wait.h>

#include "command.h"
#include "session.h"
#include "tree.h"

enum { REAPED_AT_ONCE = 256, LOOK_AGAIN_MS = 10, UNKILLABLE_MS = 5000 };

static bool has_to_look;
static int64_t look_at, unclean_since;

// SIGCHLD is one bit, not a count: one signal may stand for any number of dead children.
bool reaper_reap(void) {
  for (int reaped = 0; reaped < REAPED_AT_ONCE;) {
    const pid_t pid = waitpid(-1, NULL, WNOHANG | __WALL);
    if (pid < 0 && errno == EINTR) continue;
    if (pid <= 0) {
      has_to_look = true;
      return true;
    }
    commands_reaped(pid);
    reaped++;
  }
  // Whoever makes them die without end has to be looked for all the same, though not once for every few of them.
  if (look_at == 0) look_at = session_now_ms() + LOOK_AGAIN_MS;
  return false;
}

// What has lost its supervisor is reparented to us, together with what the engine's own exec left behind. With every
// stranger and all beneath it dead, a lost command has ended.
static bool is_clean(void) {
  pid_t supervisors[COMMAND_SLOTS];
  const size_t count = commands_supervisors(supervisors);
  if (tree_kill(supervisors, count) > 0 || !tree_was_seen_whole()) return false;
  return !commands_any_lost() || tree_is_readable();
}

int64_t reaper_tick(int64_t now) {
  if (!has_to_look && (look_at == 0 || now < look_at)) return look_at == 0 ? INT64_MAX : look_at;
  has_to_look = false;
  if (is_clean()) {
    unclean_since = 0;
    look_at = 0;
    commands_lost_are_clean();
    return INT64_MAX;
  }
  if (unclean_since == 0) unclean_since = now;
  if (now - unclean_since > UNKILLABLE_MS) session_end(EXIT_UNKILLABLE, BYE_UNKILLABLE, "a process can't be killed");
  look_at = now + LOOK_AGAIN_MS;
  return look_at;
}
