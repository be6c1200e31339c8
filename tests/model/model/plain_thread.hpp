// Stands in for a thread of the runtime's own (ramie/detail/switch/plain_thread.hpp).
#pragma once

#include <functional>
#include <utility>

namespace ramie::model {

class plain_thread {
  public:
    plain_thread() noexcept = default;
    // std::system_error, in a model whose threads may be refused (explore.hpp).
    explicit plain_thread(std::function<void()> body);
    plain_thread(plain_thread&& other) noexcept : number_(std::exchange(other.number_, 0)) {}
    plain_thread& operator=(plain_thread&& other) noexcept {
        number_ = std::exchange(other.number_, 0);
        return *this;
    }

    bool joinable() const noexcept { return number_ != 0; }
    void join() noexcept;

  private:
    unsigned number_ = 0;  // the checker's; 0: none
};

}  // namespace ramie::model
