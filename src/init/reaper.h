// Children of process 1: supervisors, and strangers, which are killed.
#ifndef PADDOCK_REAPER_H
#define PADDOCK_REAPER_H

#include <stdint.h>

void reaper_reap(void);
// Looks for strangers when it is time; returns when it is again.
int64_t reaper_tick(int64_t now);

#endif
