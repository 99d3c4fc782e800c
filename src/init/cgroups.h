// On the host: a cgroup for each command, beneath that of its sandbox.
#ifndef PADDOCK_CGROUPS_H
#define PADDOCK_CGROUPS_H

// Obeys lines of standard input until that ends: VERB INIT NAME PID FOLDER. Answers an empty line, or why not.
int cgroups_serve(void);

#endif
