// What this process may ask its system call filter.
#ifndef PADDOCK_FILTER_H
#define PADDOCK_FILTER_H

// Takes the name init-FINGERPRINT when a filter of Paddock's is in force; keeps the one it has under any other. Changes nothing else.
void filter_take_name(void);

#endif
