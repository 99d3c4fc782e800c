// mark (gone|opaque PATH)...: what the kernel's overlay leaves in a layer.
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

int main(int argc, char **argv) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const int failed = strcmp(argv[i], "gone") == 0 ? mknod(argv[i + 1], S_IFCHR, makedev(0, 0))
                                                    : setxattr(argv[i + 1], "user.overlay.opaque", "y", 1, 0);
    if (failed != 0) {
      perror(argv[i + 1]);
      return 1;
    }
  }
  return 0;
}
