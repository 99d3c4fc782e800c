// The standard streams of a command before anybody reads them: three pipes, or a terminal, or both.
#ifndef PADDOCK_STREAMS_H
#define PADDOCK_STREAMS_H

#include <stdbool.h>

enum { TERMINAL = 3, STREAM_ENDS = 4 };
#define NO_STREAMS {-1, -1, -1, -1}

// Each fills what it makes, and leaves what it has made to the caller when it fails.
bool streams_pipes(int *near, int *far);
bool streams_terminal(int *near, int *far);
void streams_close(int *ends);

#endif
