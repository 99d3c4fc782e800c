#ifndef PADDOCK_LAYER_CLEAR_H
#define PADDOCK_LAYER_CLEAR_H

#include <stdbool.h>

// Removes what has that name in a folder, with all it holds; nothing there is fine. Of a tree that nobody else touches. False: errno says why.
bool layer_clear(int folder, const char *name);

#endif
