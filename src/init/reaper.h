// Children of process 1: supervisors, and strangers, which are killed.
#ifndef PADDOCK_REAPER_H
#define PADDOCK_REAPER_H

#include <stdbool.h>
#include <stdint.h>

// Some at a time, so that timers and channel have their turn; false: there may be more.
bool reaper_reap(void);
// Looks for strangers when it is time; returns when it is again.
int64_t reaper_tick(int64_t now);

#endif
