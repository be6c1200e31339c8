// An environment variable for as long as a test needs it. Before any thread of the test starts.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

namespace ramie::testing {

class environment {
  public:
    // Null: not set.
    environment(char const* name, char const* value) : name_(name) {
        if (char const* const old = std::getenv(name)) before_ = old;
        if (value != nullptr) ::setenv(name, value, 1);
        else ::unsetenv(name);
    }
    environment(environment const&) = delete;
    environment& operator=(environment const&) = delete;
    ~environment() {
        if (before_) ::setenv(name_, before_->c_str(), 1);
        else ::unsetenv(name_);
    }

  private:
    char const* name_;
    std::optional<std::string> before_;
};

// Every woken task goes on in another worker, for the runtimes made while one of these lives.
struct forced_migration : environment {
    forced_migration() : environment("RAMIE_FORCE_MIGRATION", "1") {}
};
struct no_forced_migration : environment {
    no_forced_migration() : environment("RAMIE_FORCE_MIGRATION", nullptr) {}
};

}  // namespace ramie::testing
