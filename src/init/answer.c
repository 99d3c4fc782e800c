#include "answer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "protocol.h"
#include "text.h"

enum { GATHERED_BYTES = 65536 };

static char gathered[GATHERED_BYTES];
static size_t gathered_length;
static bool broken;

static void put(const char *bytes, size_t length) {
  while (length > 0 && !broken) {
    const ssize_t done = write(STDOUT_FILENO, bytes, length);
    if (done < 0 && errno == EINTR) continue;
    broken = done <= 0;
    if (broken) return;
    bytes += done;
    length -= (size_t)done;
  }
}

static void put_gathered(void) {
  put(gathered, gathered_length);
  gathered_length = 0;
}

void answer_bytes(const void *bytes, size_t length) {
  if (length > sizeof gathered - gathered_length) put_gathered();
  if (length >= sizeof gathered) {
    put(bytes, length);
    return;
  }
  memcpy(gathered + gathered_length, bytes, length);
  gathered_length += length;
}

void answer_text(const char *text) { answer_bytes(text, strlen(text)); }

static void in_base(uint64_t number, unsigned base) {
  char digits[24];
  size_t at = sizeof digits;
  do {
    digits[--at] = (char)('0' + number % base);
    number /= base;
  } while (number > 0);
  answer_bytes(digits + at, sizeof digits - at);
}

void answer_number(uint64_t number) { in_base(number, 10); }

static void nine_places(long nanoseconds) {
  char digits[9];
  for (size_t at = sizeof digits; at > 0; nanoseconds /= 10) digits[--at] = (char)('0' + nanoseconds % 10);
  answer_bytes(digits, sizeof digits);
}

void answer_status(const struct stat *status) {
  const mode_t mode = status->st_mode;
  answer_text(S_ISREG(mode) ? "f " : S_ISDIR(mode) ? "d " : S_ISLNK(mode) ? "l " : "o ");
  in_base(mode & 07777, 8);
  answer_text(" ");
  answer_number((uint64_t)status->st_size);
  answer_text(status->st_mtim.tv_sec < 0 ? " -" : " ");
  answer_number((uint64_t)(status->st_mtim.tv_sec < 0 ? -status->st_mtim.tv_sec : status->st_mtim.tv_sec));
  answer_text(".");
  nine_places(status->st_mtim.tv_nsec);
  answer_text(" ");
}

bool answer_end(void) {
  put_gathered();
  return !broken;
}

int answer_error(int error) {
  answer_text("error ");
  answer_number((uint64_t)error);
  answer_text("\n");
  answer_end();
  return EXIT_KERNEL;
}

int64_t argument_number(const char *digits) { return text_to_number(digits, MAX_DEADLINE_MS); }
