#include <spawn.h>

// Of glibc 2.34 and later; its own declaration is behind a feature macro that Swift does not set.
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
