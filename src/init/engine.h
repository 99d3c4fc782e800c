// Where the ids are that the caller's engine gives to sandboxes.
#ifndef PADDOCK_ENGINE_H
#define PADDOCK_ENGINE_H

#include <stdbool.h>
#include <sys/types.h>

// Joins the user namespace that the engine of the sandbox with this process 1 has, once. False: `errno` says why not. Ends this
// process when it has joined that of another.
bool engine_reach(pid_t init);

#endif
