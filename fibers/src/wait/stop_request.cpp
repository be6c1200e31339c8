#include <ramie/detail/wait/stop_request.hpp>

#include <ramie/detail/fence/pause.hpp>
#include <ramie/detail/task/carrier.hpp>

#include <cstdio>
#include <cstdlib>

namespace ramie::detail {

bool request_stop(std::stop_source& source) noexcept {
    if (source.stop_requested()) return false;
    stop_callbacks_run const here;
    return source.request_stop();
}

void die_of_waiting(waiter const& self, char const* what) noexcept {
    std::fprintf(stderr,
                 "ramie: %s waits (%s) in a std::stop_callback, which runs inside an abort, a cancel or a request_stop. A "
                 "callback may not wait: the fibers that would run on this thread meanwhile may destroy it\n",
                 name_of(self).text, what);
    std::abort();
}

bool may_try_again(waiter const& self, char const* what, time_point limit) noexcept {
    if (!others_run_beside(self)) die_of_waiting(self, what);
    give_processor_away();
    return limit == never || carrier::now() < limit;
}

}  // namespace ramie::detail
