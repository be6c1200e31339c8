// The driver of a simulation: nothing to turn, because what happens outside is an event of the stage.
#include "ready/interest_set.hpp"
#include "ready/watching_driver.hpp"
#include "simulated/network.hpp"

namespace ramie::detail {

namespace {

class simulated_driver final : public watching_driver {
  public:
    explicit simulated_driver(stage& on)
        : interest_(std::make_shared<interest_set>(interest_set::of_simulation())), net_(on), on_(on) {
        on_.net = &net_;
    }
    ~simulated_driver() override {
        on_.net = nullptr;
        interest_->abandon();
    }
    interest_set& interest() const noexcept override { return *interest_; }
    void turn(time_point) override {}
    void interrupt() noexcept override {}
    bool harvest() override { return false; }

  private:
    std::shared_ptr<interest_set> const interest_;
    network net_;
    stage& on_;
};

}  // namespace

std::unique_ptr<driver> make_simulated_driver(stage& on) {
    return std::make_unique<simulated_driver>(on);
}

network* network::current() noexcept {
    auto const* const on = this_stage();
    return on != nullptr ? on->net : nullptr;
}

}  // namespace ramie::detail
