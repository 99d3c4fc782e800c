// On the host: where the file system puts what is in a folder of ours.
#ifndef PADDOCK_SPREAD_H
#define PADDOCK_SPREAD_H

// Has ext4 keep folders that will be made in the folder of descriptor 3 apart from one another on the disk. For as long as five minutes it looks at each
// inode that was freed in a part of the disk before it takes another one there, so that a session behind one that has ended, with thousands
// of files gone, makes its own many times as slowly. Returns the exit code; not 0: that file system knows nothing of the kind.
int spread_apart(void);

#endif
