#ifndef PADDOCK_CONFINE_H
#define PADDOCK_CONFINE_H

#include <stdbool.h>

// Puts this process, and so all that it starts, under an AppArmor profile that is loaded. Best effort: whoever asked reads
// from outside, in /proc/PID/attr/apparmor/current, what came of it. Only while there is one thread.
void confine_self(const char *profile);

// The same for the next program of this process: `exec NAME`, `stack NAME`, or nothing where there is none to take.
bool confine_next(const char *line);

#endif
