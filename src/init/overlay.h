// On the host: whether this kernel lets a user without privileges put an overlay over a folder, asked by doing it.
#ifndef PADDOCK_OVERLAY_H
#define PADDOCK_OVERLAY_H

// Puts an overlay over the folder of descriptor 3, which it does not write to, with all else in `scratch`: an absolute path to a folder of
// ours with `lower/d/f`, `upper`, `work` and `merged` in it, without a character that overlays take for syntax. Where the overlay stands, files are written and removed in it as a session would. In
// namespaces of its own, so that nothing stays mounted. Writes one line to the output:
//   yes
//   no WHY             (an overlay can't be had here, or not all of what it is needed for)
//   unknown WHY        (it may not be tried, which an engine may have the right to)
// Returns the exit code.
int overlay_try(const char *scratch);

#endif
