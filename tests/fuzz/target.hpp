// What is fuzzed: functions that take any bytes. A broken promise is an exception, which libFuzzer reports as a crash and
// corpus_test.cpp as a failed test.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string_view>

namespace ramie::fuzz {

// Texts of addresses and hosts: endpoint, unix_endpoint, what resolve() takes for a name, and the host of a certificate.
void endpoint(std::string_view bytes);
// Lines, pieces and looks ahead, over a source that gives its bytes in pieces of any size.
void buffered_reader(std::string_view bytes);
// Environment variables.
void options(std::string_view bytes);
// Names in a dump.
void plain_text(std::string_view bytes);
// The HTTP server of samples/ports over the in-memory network: what a client sends.
void http(std::string_view bytes);
// A TLS connection over the in-memory network: what a machine between the two does to their bytes.
void tls(std::string_view bytes);

inline void require(bool holds, char const* what) {
    if (!holds) throw std::logic_error(what);
}

// Joins a task; its failure is the target's.
void over(auto& task) {
    if (auto const end = task.join(); !end) throw std::logic_error(end.error().what());
}

// Takes an input apart. What is no longer there is 0, or empty.
class input {
  public:
    explicit input(std::string_view bytes) noexcept : left_(bytes) {}
    bool empty() const noexcept { return left_.empty(); }
    unsigned number() noexcept {
        auto const one = take(1);
        return one.empty() ? 0u : static_cast<unsigned char>(one[0]);
    }
    std::string_view take(std::size_t count) noexcept {
        auto const taken = left_.substr(0, count);
        left_.remove_prefix(taken.size());
        return taken;
    }
    std::string_view until(char end) noexcept {
        auto const taken = left_.substr(0, left_.find(end));
        left_.remove_prefix(std::min(taken.size() + 1, left_.size()));
        return taken;
    }
    std::string_view rest() noexcept { return take(left_.size()); }

  private:
    std::string_view left_;
};

}  // namespace ramie::fuzz
