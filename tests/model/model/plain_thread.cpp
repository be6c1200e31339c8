#include "plain_thread.hpp"

#include "run.hpp"

#include <system_error>

namespace ramie::model {

plain_thread::plain_thread(std::function<void()> body) {
    auto& r = run::here();
    {
        at_work const whole;
        if (!r.refuses_threads || r.choose(2) == 0) number_ = r.start_thread(std::move(body));
        else r.tell("is refused a thread");
    }
    if (number_ == 0) throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
}

void plain_thread::join() noexcept { run::here().join_thread(std::exchange(number_, 0)); }

}  // namespace ramie::model
