#define _GNU_SOURCE 1
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "answer.h"

// The longest mount table that is judged; what has more is answered as an error and not cut.
enum { MOST_BYTES = 2 * 1024 * 1024 };

static char content[MOST_BYTES];

static void answer_failed(int error) {
  answer_text("error ");
  answer_number((uint64_t)error);
  answer_text("\n");
}

static void answer_content(size_t length) {
  answer_text("ok ");
  answer_number(length);
  answer_text("\n");
  answer_bytes(content, length);
}

// Files of the kernel say size 0: read until the end.
static void report_file(const char *path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    answer_failed(errno);
    return;
  }
  size_t length = 0;
  ssize_t got = 0;
  while (length < sizeof content) {
    got = read(fd, content + length, sizeof content - length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    length += (size_t)got;
  }
  const int error = got < 0 ? errno : EFBIG;
  close(fd);
  if (got < 0 || length == sizeof content) answer_failed(error);
  else answer_content(length);
}

static void report_link(const char *path) {
  const ssize_t length = readlink(path, content, PATH_MAX);
  if (length < 0) answer_failed(errno);
  else answer_content((size_t)length);
}

static void report_status(const char *path) {
  struct stat status;
  if (lstat(path, &status) != 0) {
    answer_failed(errno);
    return;
  }
  const uint64_t numbers[] = {status.st_dev, status.st_ino, status.st_rdev, S_ISLNK(status.st_mode), status.st_uid};
  answer_text("status");
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    answer_text(" ");
    answer_number(numbers[i]);
  }
  answer_text("\n");
}

int report(int count, char **words) {
  for (int i = 0; i < count; i++) {
    const char kind = words[i][0];
    if (kind == '\0' || words[i][1] != ':' || strchr("fls", kind) == NULL) return -1;
  }
  for (int i = 0; i < count; i++) {
    const char *path = words[i] + 2;
    if (words[i][0] == 'f') report_file(path);
    else if (words[i][0] == 'l') report_link(path);
    else report_status(path);
  }
  return answer_end() ? 0 : 1;
}
