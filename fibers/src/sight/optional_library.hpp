// A shared library that is loaded at the first dump, if it is installed. It is not linked, for two reasons: a program
// that never prints a dump does not load six libraries at its start; and libunwind.so defines _Unwind_RaiseException
// and its kin, which would take the place of the compiler's own in the whole program if it were linked (RTLD_LOCAL
// keeps them apart). Never unloaded.
#pragma once

#include <dlfcn.h>

namespace ramie::detail {

class optional_library {
  public:
    explicit optional_library(char const* name) noexcept : handle_(::dlopen(name, RTLD_NOW | RTLD_LOCAL)) {}
    // Null also once a name was not found: then the library is of no use.
    template <class Function>
    void find(Function*& to, char const* name) noexcept {
        to = handle_ != nullptr ? reinterpret_cast<Function*>(::dlsym(handle_, name)) : nullptr;
        if (to == nullptr) handle_ = nullptr;
    }
    explicit operator bool() const noexcept { return handle_ != nullptr; }

  private:
    void* handle_;
};

}  // namespace ramie::detail
