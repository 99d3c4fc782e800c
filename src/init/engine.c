// The user namespace of the engine that made a sandbox, which the caller owns. There is a way in and none back, nor to that of an
// engine that was started anew: who is asked for another one ends, and whoever asked starts another.
#define _GNU_SOURCE 1
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

// The kernel's, whose header a static libc need not have.
enum { NS_PARENT = 0xb702 };
enum { OF_ANOTHER_ENGINE = 3 };

static ino_t joined; // 0: none yet

static ino_t number_of(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

static int namespace_of(const char *process) {
  struct text path = {.length = 0};
  text_add(&path, "/proc/");
  text_add(&path, process);
  text_add(&path, "/ns/user");
  return open(path.chars, O_RDONLY | O_CLOEXEC);
}

// The outermost user namespace of the sandbox that is not `ours`. Only its owner may join it: the kernel sees to that.
static int outermost(int fd, ino_t ours) {
  if (ours == 0 || number_of(fd) == ours) {
    close(fd);
    errno = EXDEV;
    return -1;
  }
  while (fd >= 0) {
    const int parent = ioctl(fd, NS_PARENT);
    if (parent >= 0 && number_of(parent) == ours) {
      close(parent);
      return fd;
    }
    close(fd);
    fd = parent;
  }
  return -1;
}

// What lies outside of `joined` has no parent that can be seen from there.
static bool is_beneath(int fd) {
  while (fd >= 0 && number_of(fd) != joined) {
    const int parent = ioctl(fd, NS_PARENT);
    close(fd);
    fd = parent;
  }
  if (fd >= 0) close(fd);
  return fd >= 0;
}

static bool join(int init) {
  const int own = namespace_of("self");
  const ino_t ours = own < 0 ? 0 : number_of(own);
  if (own >= 0) close(own);
  const int fd = outermost(init, ours);
  if (fd < 0) return false;
  if (setns(fd, CLONE_NEWUSER) == 0) joined = number_of(fd);
  close(fd);
  return joined != 0;
}

bool engine_reach(pid_t init) {
  struct text process = {.length = 0};
  text_add_number(&process, init);
  const int fd = namespace_of(process.chars);
  // What is left of a sandbox that has ended can be removed.
  if (fd < 0 && errno == ENOENT) return joined != 0;
  if (joined == 0) return fd >= 0 && join(fd);
  if (fd < 0 || !is_beneath(fd)) _exit(OF_ANOTHER_ENGINE);
  return true;
}
