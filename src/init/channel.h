// The pair of byte streams to the holder: who holds it, frames in, frames out.
#ifndef PADDOCK_CHANNEL_H
#define PADDOCK_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"
#include "protocol.h"

bool channel_open(const struct options *options);
void channel_watch(void);
// Handles the frames that have come.
void channel_parse(void);
// Writes what is owed; true: frames that had to wait for it can be parsed now.
bool channel_pump(void);
int64_t channel_tick(int64_t now);
void channel_bye(enum bye_why why, const char *text);
// Where received frames lie, for a child to unmap.
void channel_inbox(void **base, size_t *bytes);

#endif
