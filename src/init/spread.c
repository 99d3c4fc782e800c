#define _GNU_SOURCE 1
#include "spread.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include "protocol.h"

// FS_IOC_GETFLAGS, FS_IOC_SETFLAGS and FS_TOPDIR_FL of linux/fs.h, which musl does not bring along.
#define GET_FLAGS _IOR('f', 1, long)
#define SET_FLAGS _IOW('f', 2, long)
enum { TOP_OF_TREES = 0x00020000 };

int spread_apart(void) {
  // The descriptor only names a folder: nothing can be asked of it.
  const int folder = open("/proc/self/fd/3", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int flags = 0;
  if (folder < 0 || ioctl(folder, (int)GET_FLAGS, &flags) != 0) return EXIT_KERNEL;
  flags |= TOP_OF_TREES;
  return ioctl(folder, (int)SET_FLAGS, &flags) == 0 ? 0 : EXIT_KERNEL;
}
