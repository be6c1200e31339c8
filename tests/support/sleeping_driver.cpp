// A driver that watches nothing: what a runtime without I/O sleeps in.
#include <ramie/detail/sleep/driver.hpp>
#include <ramie/detail/wait/futex.hpp>

namespace ramie::detail {

namespace {

class sleeping_driver final : public driver {
  public:
    void turn(time_point until) override {
        while (token_.exchange(0, std::memory_order_acquire) == 0) {
            if (until <= std::chrono::steady_clock::now() || !futex_wait(token_, 0, until)) return;
        }
    }
    void interrupt() noexcept override {
        token_.store(1, std::memory_order_release);
        futex_wake(token_);
    }
    bool harvest() override { return false; }

  private:
    std::atomic<std::uint32_t> token_{0};
};

}  // namespace

std::unique_ptr<driver> make_driver() { return std::make_unique<sleeping_driver>(); }
std::unique_ptr<driver> make_simulated_driver(stage&) { return std::make_unique<sleeping_driver>(); }

}  // namespace ramie::detail
