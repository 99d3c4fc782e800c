#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "files.h"

enum { BLOCK_BYTES = 65536 };

struct range {
  int64_t offset;
  int64_t most_bytes;
  int64_t most_lines;
};

static ssize_t block_at(int fd, char *block, int64_t offset) {
  for (;;) {
    const ssize_t got = pread(fd, block, BLOCK_BYTES, (off_t)offset);
    if (got >= 0 || errno != EINTR) return got;
  }
}

// Where line `first` begins, counted from 1; the end of the file where it has fewer. -1: it can't be read.
static int64_t find_line(int fd, int64_t first) {
  char block[BLOCK_BYTES];
  int64_t offset = 0;
  for (int64_t line = 1; line < first;) {
    const ssize_t got = block_at(fd, block, offset);
    if (got <= 0) return got < 0 ? -1 : offset;
    const char *at = block;
    const char *const end = block + got;
    while (at < end && line < first) {
      const char *newline = memchr(at, '\n', (size_t)(end - at));
      if (newline == NULL) at = end;
      else {
        at = newline + 1;
        line++;
      }
    }
    offset += at - block;
  }
  return offset;
}

// How many of the bytes belong to the range, which becomes smaller by them.
static size_t take(struct range *range, const char *block, size_t length) {
  if ((int64_t)length > range->most_bytes) length = (size_t)range->most_bytes;
  size_t taken = 0;
  while (taken < length && range->most_lines > 0) {
    const char *newline = memchr(block + taken, '\n', length - taken);
    if (newline == NULL) taken = length;
    else {
      taken = (size_t)(newline + 1 - block);
      range->most_lines--;
    }
  }
  range->most_bytes -= (int64_t)taken;
  range->offset += (int64_t)taken;
  return taken;
}

static int send_range(int fd, struct range range) {
  char block[BLOCK_BYTES];
  while (range.most_bytes > 0 && range.most_lines > 0) {
    const ssize_t got = block_at(fd, block, range.offset);
    // What it begins with has been said: who reads on from here hears of it.
    if (got <= 0) break;
    answer_bytes(block, take(&range, block, (size_t)got));
  }
  return answer_end() ? 0 : 1;
}

static int send_file(const char *path, int64_t first_line, struct range range) {
  // A FIFO is not waited for, and a device not opened: that alone may do something.
  struct stat status;
  if (stat(path, &status) != 0) return answer_error(errno);
  const int fd = S_ISREG(status.st_mode) ? open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
  if (S_ISREG(status.st_mode) && (fd < 0 || fstat(fd, &status) != 0)) return answer_error(errno);
  const int is_file = S_ISREG(status.st_mode);
  if (is_file && first_line > 0) range.offset = find_line(fd, first_line);
  if (range.offset < 0) return answer_error(errno);
  // Before the status, so that an error of it is not content.
  char probe;
  if (is_file && pread(fd, &probe, 1, (off_t)range.offset) < 0) return answer_error(errno);
  answer_text("ok ");
  answer_status(&status);
  answer_number((uint64_t)range.offset);
  answer_text("\n");
  if (!is_file) return answer_end() ? 0 : 1;
  return send_range(fd, range);
}

int files_read(int count, char **words) {
  if (count == 4 && strcmp(words[1], "bytes") == 0) {
    const struct range range = {argument_number(words[2]), argument_number(words[3]), INT64_MAX};
    if (range.offset < 0 || range.most_bytes < 0) return -1;
    return send_file(words[0], 0, range);
  }
  if (count != 5 || strcmp(words[1], "lines") != 0) return -1;
  const int64_t first = argument_number(words[2]);
  const struct range range = {0, argument_number(words[4]), argument_number(words[3])};
  if (first < 1 || range.most_bytes < 0 || range.most_lines < 0) return -1;
  return send_file(words[0], first, range);
}
