#ifndef PADDOCK_OPTIONS_H
#define PADDOCK_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum channel_kind { CHANNEL_NONE, CHANNEL_FIFO, CHANNEL_STDIO };

struct options {
  int64_t deadline_ms;
  enum channel_kind channel;
  bool detached;
  const char *apparmor; // NULL: no profile
};

// NULL, or what is wrong.
const char *options_parse(int argc, char **argv, struct options *options);

#endif
