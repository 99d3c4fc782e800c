#define _GNU_SOURCE 1
#include "layer-plan.h"

#include <string.h>
#include <unistd.h>

static char bytes[65536];
static size_t at, have;

static int next_byte(void) {
  if (at == have) {
    const ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
    if (got <= 0) return -1;
    have = (size_t)got;
    at = 0;
  }
  return (unsigned char)bytes[at++];
}

// One name and no path: whatever is asked for lies in the folder that is open.
static bool is_name(const char *name) {
  return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

bool plan_next(struct plan_word *word) {
  const int kind = next_byte();
  if (kind < 0 || strchr("dcwe", kind) == NULL || kind == '\0') return false;
  word->kind = (char)kind;
  for (size_t length = 0; length < sizeof word->name; length++) {
    const int byte = next_byte();
    if (byte < 0) return false;
    word->name[length] = (char)byte;
    if (byte == '\0') return kind == 'e' ? length == 0 : is_name(word->name);
  }
  return false;
}

bool plan_skip_folder(void) {
  struct plan_word word;
  for (size_t open = 1; open > 0;) {
    if (!plan_next(&word)) return false;
    if (word.kind == 'd') open++;
    if (word.kind == 'e') open--;
  }
  return true;
}
