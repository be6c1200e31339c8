// Shared by the tests of files.
#pragma once

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace ramie::testing {

// A directory for the files of one test.
class scratch {
  public:
    scratch() {
        auto name = (std::filesystem::temp_directory_path() / "ramie-test-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    scratch(scratch const&) = delete;
    scratch& operator=(scratch const&) = delete;
    ~scratch() { std::filesystem::remove_all(path_); }
    std::string operator/(char const* name) const { return (path_ / name).string(); }

  private:
    std::filesystem::path path_;
};

inline void write_plainly(std::string const& path, std::string_view text) { std::ofstream(path) << text; }
inline std::string read_plainly(std::string const& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

std::string all_text_from(auto& from) {
    std::string all, part(1000, '\0');
    while (auto const n = from.read(part).value()) all.append(part, 0, n);
    return all;
}

}  // namespace ramie::testing
