#define _GNU_SOURCE 1
#include "overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

enum { PROJECT_FD = 3 };

static int answer(const char *word, const char *why) {
  struct text line = {.length = 0};
  text_add(&line, word);
  text_add(&line, why);
  text_add(&line, "\n");
  (void)!write(STDOUT_FILENO, line.chars, line.length);
  return 0;
}

static bool put(const char *path, const char *text) {
  const int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  const bool done = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);
  if (file >= 0) close(file);
  return done;
}

static bool map_id(const char *path, long id) {
  struct text line = {.length = 0};
  text_add(&line, "0 ");
  text_add_number(&line, id);
  text_add(&line, " 1");
  return put(path, line.chars);
}

// Root of a user namespace of its own, with mounts that nobody else sees.
static bool leave_namespaces(void) {
  const long uid = (long)getuid(), gid = (long)getgid();
  // Else the files below belong to the host's root.
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && put("/proc/self/setgroups", "deny") &&
         map_id("/proc/self/uid_map", uid) && map_id("/proc/self/gid_map", gid);
}

// A mark for what is removed, an attribute for a folder that is made anew, a file that is written: what a session needs.
static bool works(void) {
  if (unlink("d/f") != 0 || rmdir("d") != 0 || mkdir("d", S_IRWXU) != 0) return false;
  struct stat found;
  if (stat("d/f", &found) == 0) {
    errno = EUCLEAN;
    return false;
  }
  return put("file", "x") && rename("file", "d/file") == 0;
}

static size_t add(char *to, size_t at, const char *text) {
  const size_t length = strlen(text);
  memcpy(to + at, text, length + 1);
  return at + length;
}

int overlay_try(const char *scratch) {
  static char options[4 * PATH_MAX];
  if (strlen(scratch) >= PATH_MAX - sizeof "/merged") return answer("unknown ", strerror(ENAMETOOLONG));
  // What is open belongs to the mounts of before, of which none can be a layer; the folder one is in goes along.
  if (fchdir(PROJECT_FD) != 0 || !leave_namespaces()) return answer("unknown ", strerror(errno));
  const char *const parts[] = {"lowerdir=", scratch, "/lower:.,upperdir=", scratch, "/upper,workdir=", scratch, "/work,userxattr"};
  size_t length = 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) length = add(options, length, parts[i]);
  char merged[PATH_MAX];
  add(merged, add(merged, 0, scratch), "/merged");
  if (mount("overlay", merged, "overlay", MS_NOSUID | MS_NODEV, options) != 0) {
    // A security module, perhaps, that lets engines do more than this program.
    const bool forbidden = errno == EPERM || errno == EACCES;
    return answer(forbidden ? "unknown " : "no ", strerror(errno));
  }
  return chdir(merged) == 0 && works() ? answer("yes", "") : answer("no ", strerror(errno));
}
