// A directory for one test, removed at its end.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include <stdlib.h>

namespace ramie::testing {

class temp_directory {
  public:
    temp_directory() {
        auto name = (std::filesystem::temp_directory_path() / "ramie-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    temp_directory(temp_directory const&) = delete;
    temp_directory& operator=(temp_directory const&) = delete;
    ~temp_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string operator/(char const* name) const { return (path_ / name).string(); }

  private:
    std::filesystem::path path_;
};

}  // namespace ramie::testing
