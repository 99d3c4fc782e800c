#include "options.h"

#include <string.h>

#include "protocol.h"
#include "text.h"

// Digits only, no leading zero, 1 .. 2^53 - 1. strtoll would take blanks, a sign, octal and overflow.
static bool parse_deadline(const char *text, int64_t *deadline_ms) {
  if (text[0] == '0') return false;
  *deadline_ms = text_to_number(text, MAX_DEADLINE_MS);
  return *deadline_ms > 0;
}

// As ours are; AppArmor's own names may hold more, and mean other things with it.
static bool is_profile_name(const char *name) {
  static const char known[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  const size_t length = strlen(name);
  return length > 0 && length <= 100 && strspn(name, known) == length;
}

const char *options_parse(int argc, char **argv, struct options *options) {
  memset(options, 0, sizeof *options);
  if (argc < 3 || strcmp(argv[1], "--deadline-boottime-ms") != 0) return "a deadline is needed first";
  if (!parse_deadline(argv[2], &options->deadline_ms)) {
    return "the deadline is no whole number from 1 to 9007199254740991";
  }
  if (argc >= 5 && strcmp(argv[3], "--apparmor") == 0) {
    if (!is_profile_name(argv[4])) return "the profile's name is not made of letters, digits, `-`, `_` and `.`";
    options->apparmor = argv[4];
    argv += 2;
    argc -= 2;
  }
  if (argc == 3) return NULL;
  if (argc > 6 || argc < 5 || strcmp(argv[3], "--channel") != 0) return "unknown options";
  if (strcmp(argv[4], "fifo") == 0) options->channel = CHANNEL_FIFO;
  else if (strcmp(argv[4], "stdio") == 0) options->channel = CHANNEL_STDIO;
  else return "the channel is neither fifo nor stdio";
  if (argc == 5) return NULL;
  if (strcmp(argv[5], "--detached") != 0) return "unknown options";
  options->detached = true;
  return NULL;
}
