// What is to be copied of a folder that a session writes to, where only some of it is: words on the standard input, each ended by a NUL.
//   dNAME  go into that folder        cNAME  copy that      wNAME  note that it is gone      e  leave the folder
// The first folder has no word of its own, and an `e` as any other.
#ifndef PADDOCK_LAYER_PLAN_H
#define PADDOCK_LAYER_PLAN_H

#include <limits.h>
#include <stdbool.h>

struct plan_word {
  char kind;
  char name[NAME_MAX + 1];
};

// False where there is none any more, or none that is one.
bool plan_next(struct plan_word *word);
// Reads on behind the end of the folder that the last word has named. False where that does not come.
bool plan_skip_folder(void);

#endif
