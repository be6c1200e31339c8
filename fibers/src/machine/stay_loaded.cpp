#include "machine/stay_loaded.hpp"

#include <dlfcn.h>
#include <link.h>

namespace ramie::detail {

void stay_loaded() noexcept {
    static char const here = 0;
    Dl_info unused;
    void* file = nullptr;
    if (::dladdr1(&here, &unused, &file, RTLD_DL_LINKMAP) == 0 || file == nullptr) return;
    auto const* const name = static_cast<link_map const*>(file)->l_name;
    if (name == nullptr || *name == '\0') return;  // the program
    if (auto* const again = ::dlopen(name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE)) ::dlclose(again);
}

}  // namespace ramie::detail
