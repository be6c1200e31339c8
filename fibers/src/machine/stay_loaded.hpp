// The file that contains this copy of the library stays loaded. Once a runtime has started, the system leads into its code: handlers
// of signals (of which one may have been kept by another library, to be called first), of fork, of threads' ends. So a plugin that is
// closed is not unloaded. With gcc that is so anyway, for it makes symbols that are unique in the process; clang makes none.
#pragma once

namespace ramie::detail {

// Does nothing for a program itself, which cannot be unloaded. Without memory, nothing either.
void stay_loaded() noexcept;

}  // namespace ramie::detail
