// The life of process 1: its deadline, its signals, what it waits for, and how it ends.
#ifndef PADDOCK_SESSION_H
#define PADDOCK_SESSION_H

#include <poll.h>
#include <stdint.h>

#include "options.h"
#include "protocol.h"

int session_run(const struct options *options);
// Says BYE when there is a channel; the kernel then kills everything else in the pid namespace.
_Noreturn void session_end(enum init_exit status, enum bye_why why, const char *text);
// Milliseconds of CLOCK_BOOTTIME.
int64_t session_now_ms(void);
// When the sandbox ends, in the same milliseconds. A moment that has passed ends it at once.
int64_t session_deadline_ms(void);
void session_set_deadline(int64_t deadline_ms);
// For the next wait only.
void session_watch(int fd, short events, void (*ready)(void *subject), void *subject);

#endif
