// A mount namespace of this process's own, in which files can be hidden. For the `enter` of in_world().
#pragma once

namespace ramie::testing {

// All of these throw no_such_world where it cannot be had.

// Once is enough; the others begin with it.
void own_mounts();
// An empty directory instead.
void hide(char const* directory);
// With all that is mounted there.
void make_read_only(char const* directory);
// This text instead of the file's, also of one in /proc.
void replace(char const* file, char const* text);

}  // namespace ramie::testing
