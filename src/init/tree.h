// Finding the descendants of this process by /proc, and ending them.
#ifndef PADDOCK_TREE_H
#define PADDOCK_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// Whether /proc is this pid namespace's and tells children.
bool tree_is_readable(void);
// Sends the signal to every descendant once; returns how many there were.
size_t tree_signal(int signal);
// Stops every descendant until none is found that was not stopped, then kills them all; returns how many. Neither the
// `spared` children nor what is beneath them is touched. More may be there afterwards: a fork that was on its way.
size_t tree_kill(const pid_t *spared, size_t count);
// Whether the last search could look everywhere: only then is 0 an answer.
bool tree_was_seen_whole(void);

#endif
