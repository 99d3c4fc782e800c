// Whom the kernel ends when the sandbox is out of memory.
#ifndef PADDOCK_OOM_H
#define PADDOCK_OOM_H

// Makes this process as unlikely a victim as it may. Before it stops being dumpable: its file is another's from then on.
void oom_shield(void);

// What is forked between the two is as likely a victim as this process was at first, or more.
void oom_drop_shield(void);
void oom_raise_shield(void);

#endif
