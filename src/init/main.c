// Process 1 of every sandbox. It reaps what is reparented to it, ends at an absolute moment, and with a channel
// (docs/channel.md) runs commands for the other end. When process 1 ends, the kernel kills everything else in its PID
// namespace, so the moment it was given is the sandbox's deadline even when the server, the client and the engine are
// gone by then.
//
// It is started in a root that may be empty: no /proc, no libc, no /dev, any uid, no capabilities, under Paddock's
// seccomp profile or an engine's own. Without a channel it needs only prctl, signalfd, timerfd, ppoll and wait4.
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroups.h"
#include "files.h"
#include "layer-copy.h"
#include "layer-pack.h"
#include "layer.h"
#include "options.h"
#include "overlay.h"
#include "protocol.h"
#include "report.h"
#include "session.h"
#include "spread.h"
#include "text.h"

#ifndef PADDOCK_VERSION
#error "PADDOCK_VERSION is given by scripts/build-init.js"
#endif

// Best effort: the exit code carries the meaning, and there is nobody to tell that stderr is gone.
static void say(int fd, const char *text) { (void)!write(fd, text, strlen(text)); }

static int refuse(const char *why) {
  say(STDERR_FILENO, "paddock-init: ");
  say(STDERR_FILENO, why);
  say(STDERR_FILENO, "\nusage: paddock-init --deadline-boottime-ms N [--apparmor PROFILE] [--channel fifo|stdio [--detached]]\n"
                     "       paddock-init --mkfifo DIR|- | --cgroups | --overlay DIR | --layer MOST | --copy-layer MIB ENTRIES all|chosen|over |\n"
                     "                    --spread | --pack-layer | --unpack-layer | --access PATH... | --version\n"
                     "       paddock-init --report f:PATH|l:PATH|s:PATH...\n"
                     "       paddock-init --file-read PATH bytes OFFSET LENGTH | lines FIRST COUNT MOST-BYTES\n"
                     "       paddock-init --file-write PATH create|replace MODE|- parents|- LENGTH\n"
                     "       paddock-init --file-list PATH DEPTH MOST-ENTRIES MOST-BYTES\n"
                     "       paddock-init --file-pack PATH MOST-ENTRIES MOST-BYTES | --file-unpack FOLDER overwrite|-\n");
  return EXIT_BAD_USAGE;
}

// On the host, for Node, which can't make one. Returns what went wrong, or NULL.
static const char *make_fifos(const char *folder) {
  const int at = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  const bool made =
      at >= 0 && mkfifoat(at, "in", S_IRUSR | S_IWUSR) == 0 && mkfifoat(at, "out", S_IRUSR | S_IWUSR) == 0;
  const char *why = made ? NULL : strerror(errno);
  if (at >= 0) close(at);
  return why;
}

static int make_fifos_in(const char *folder) {
  const char *why = make_fifos(folder);
  if (why == NULL) return 0;
  say(STDERR_FILENO, "paddock-init: no FIFO can be made there: ");
  say(STDERR_FILENO, why);
  say(STDERR_FILENO, "\n");
  return EXIT_KERNEL;
}

// The same for one folder a line, each answered by a line: empty, or what went wrong. Starting a program holds a large
// process up for milliseconds, so it is done once. Until the end of the input, which comes with the other's own end.
static int serve_fifos(void) {
  char line[PATH_MAX + 1];
  size_t length = 0;
  for (;;) {
    const ssize_t got = read(STDIN_FILENO, line + length, sizeof line - length);
    if (got <= 0) return got == 0 && length == 0 ? 0 : EXIT_KERNEL;
    length += (size_t)got;
    for (char *end; (end = memchr(line, '\n', length)) != NULL;) {
      *end = '\0';
      const char *why = make_fifos(line);
      say(STDOUT_FILENO, why == NULL ? "\n" : why);
      if (why != NULL) say(STDOUT_FILENO, "\n");
      length -= (size_t)(end + 1 - line);
      memmove(line, end + 1, length);
    }
    if (length == sizeof line) return EXIT_BAD_USAGE;
  }
}

// Asked as a command: whether a process in here may use a path, which on SELinux hosts nobody outside can answer. One
// line each: rw, r-, -w or --.
static int say_access(int count, char **paths) {
  for (int i = 0; i < count; i++) {
    say(STDOUT_FILENO, access(paths[i], R_OK) == 0 ? "r" : "-");
    say(STDOUT_FILENO, access(paths[i], W_OK) == 0 ? "w\n" : "-\n");
  }
  return 0;
}

// Asked as a command as well. Returns the exit status, or -1 where the first word names none of these, or the rest is not understood.
static int serve_files(int argc, char **argv) {
  if (argc < 3) return -1;
  if (strcmp(argv[1], "--report") == 0) return report(argc - 2, argv + 2);
  if (strcmp(argv[1], "--file-read") == 0) return files_read(argc - 2, argv + 2);
  if (strcmp(argv[1], "--file-write") == 0) return files_write(argc - 2, argv + 2);
  if (strcmp(argv[1], "--file-list") == 0) return files_list(argc - 2, argv + 2);
  if (strcmp(argv[1], "--file-pack") == 0) return files_pack(argc - 2, argv + 2);
  if (strcmp(argv[1], "--file-unpack") == 0) return files_unpack(argc - 2, argv + 2);
  return -1;
}

static int copy_way(const char *word) {
  static const char *const words[] = {[COPY_ALL] = "all", [COPY_CHOSEN] = "chosen", [COPY_OVER] = "over"};
  for (int way = COPY_ALL; way <= COPY_OVER; way++)
    if (strcmp(word, words[way]) == 0) return way;
  return -1;
}

int main(int argc, char **argv) {
  // Whatever it is to do: nobody of the same uid may make another program of it. Where this can't be had, session_run ends.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (argc == 2 && strcmp(argv[1], "--version") == 0) {
    say(STDOUT_FILENO, "paddock-init " PADDOCK_VERSION "\n");
    return 0;
  }
  if (argc == 2 && strcmp(argv[1], "--cgroups") == 0) return cgroups_serve();
  if (argc == 2 && strcmp(argv[1], "--spread") == 0) return spread_apart();
  if (argc == 2 && strcmp(argv[1], "--pack-layer") == 0) return layer_pack();
  if (argc == 2 && strcmp(argv[1], "--unpack-layer") == 0) return layer_unpack();
  if (argc == 3 && strcmp(argv[1], "--overlay") == 0) return overlay_try(argv[2]);
  const int64_t first = argc > 2 ? text_to_number(argv[2], INT_MAX) : -1, second = argc > 3 ? text_to_number(argv[3], INT_MAX) : -1;
  if (argc == 3 && strcmp(argv[1], "--layer") == 0 && first >= 0) return layer_tell((size_t)first);
  if (argc == 5 && strcmp(argv[1], "--copy-layer") == 0 && first > 0 && second > 0 && copy_way(argv[4]) >= 0)
    return layer_copy((size_t)first, (size_t)second, (enum copy_way)copy_way(argv[4]));
  if (argc >= 3 && strcmp(argv[1], "--access") == 0) return say_access(argc - 2, argv + 2);
  if (argc == 3 && strcmp(argv[1], "--mkfifo") == 0)
    return strcmp(argv[2], "-") == 0 ? serve_fifos() : make_fifos_in(argv[2]);
  const int served = serve_files(argc, argv);
  if (served >= 0) return served;
  struct options options;
  const char *wrong = options_parse(argc, argv, &options);
  return wrong == NULL ? session_run(&options) : refuse(wrong);
}
