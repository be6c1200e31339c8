// What is mapped of the loaded files (program, libraries, vdso): where code and its unwind information can be read.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <elf.h>
#include <link.h>

namespace ramie::detail {

class loaded_files {
  public:
    void look() {
        parts_.clear();
        ::dl_iterate_phdr(
            [](dl_phdr_info* file, std::size_t, void* to) {
                for (int i = 0; i < file->dlpi_phnum; ++i) {
                    auto const& part = file->dlpi_phdr[i];
                    if (part.p_type != PT_LOAD || (part.p_flags & PF_R) == 0) continue;
                    auto const begin = file->dlpi_addr + part.p_vaddr;
                    static_cast<std::vector<range>*>(to)->push_back({begin, begin + part.p_memsz});
                }
                return 0;
            },
            &parts_);
        std::ranges::sort(parts_, {}, &range::begin);
    }
    bool hold(std::uintptr_t address, std::size_t bytes) const noexcept {
        auto const next = std::ranges::upper_bound(parts_, address, {}, &range::begin);
        if (next == parts_.begin()) return false;
        auto const& at = *std::prev(next);
        return address < at.end && at.end - address >= bytes;
    }

  private:
    struct range {
        std::uintptr_t begin, end;
    };
    std::vector<range> parts_;
};

}  // namespace ramie::detail
