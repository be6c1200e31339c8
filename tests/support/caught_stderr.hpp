// What a test's stderr says while one of these lives; nothing of it is shown.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <unistd.h>

class caught_stderr {
  public:
    caught_stderr() : before_(::dup(STDERR_FILENO)), file_(std::tmpfile()) {
        std::fflush(stderr);
        if (before_ < 0 || file_ == nullptr || ::dup2(::fileno(file_), STDERR_FILENO) < 0) std::abort();
    }
    caught_stderr(caught_stderr const&) = delete;
    caught_stderr& operator=(caught_stderr const&) = delete;
    ~caught_stderr() {
        std::fflush(stderr);
        ::dup2(before_, STDERR_FILENO);
        ::close(before_);
        std::fclose(file_);
    }

    std::string text() const {
        std::fflush(stderr);
        std::string all;
        char part[4096];
        for (off_t at = 0;;) {
            auto const count = ::pread(::fileno(file_), part, sizeof part, at);
            if (count <= 0) return all;
            all.append(part, static_cast<std::size_t>(count));
            at += count;
        }
    }

  private:
    int const before_;
    std::FILE* const file_;
};
