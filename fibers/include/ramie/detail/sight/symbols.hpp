// What code an address belongs to: function, file and line, by elfutils' libdw from the files that are loaded (and
// their separate debug information, if it is installed). Without libdw: the function if the dynamic linker knows it,
// and the input for addr2line. Reads files and allocates: never in a signal handler.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ramie::detail {

// A function that the address is in. Of several, each was compiled into the next.
struct code_place {
    std::string function;  // empty: not known
    std::string file;      // empty: not known
    int line = 0;
};

// For addr2line -e file.
struct file_address {
    std::string file;  // empty: no loaded file has it
    std::uintptr_t offset = 0;
};

class symbols {
  public:
    symbols();
    ~symbols();
    symbols(symbols const&) = delete;
    symbols& operator=(symbols const&) = delete;

    // `returns_there`: a return address, which may lie behind the last instruction of its function. Kept for the next
    // question.
    std::vector<code_place> const& of(std::uintptr_t address, bool returns_there);
    file_address in_file(std::uintptr_t address) const;

    // Whether there is libdw.
    static bool know_lines() noexcept;

  private:
    struct files;
    std::vector<code_place> look_up(std::uintptr_t address);

    std::unique_ptr<files> files_;
    std::map<std::uintptr_t, std::vector<code_place>> known_;
};

}  // namespace ramie::detail
