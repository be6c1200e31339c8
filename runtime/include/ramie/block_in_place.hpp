// Blocking code that must stay on this thread, with the caller's locals.
#pragma once

#include <ramie/detail/ground/invoke.hpp>
#include <ramie/detail/ground/language.hpp>

#include <type_traits>
#include <utility>

namespace ramie {

namespace detail {

class worker;

// While one of these lives, a spare worker does the work of the worker that this task runs on.
class worker_loan {
  public:
    RAMIE_API worker_loan();
    worker_loan(worker_loan const&) = delete;
    worker_loan& operator=(worker_loan const&) = delete;
    RAMIE_API ~worker_loan();

  private:
    worker* lent_ = nullptr;  // null: there was nothing to lend
};

}  // namespace detail

// Runs f() right here, on this thread and this stack, and returns its value. Meanwhile another thread takes over this
// worker's other work, so f may block or compute for long. f may use the caller's locals, and an abort does not
// interrupt it. (Prefer spawn_blocking for code that needs neither; it can also be waited for with a timeout.) Only
// local tasks of this worker, and pinned ones that have started, wait until f returns. A wait of Ramie's inside f is
// allowed; after that wait the rest of f counts as ordinary work.
//
// From tasks, except spawn_local ones and those of a current_thread runtime, because all tasks there would stand still:
// std::logic_error. From a plain thread it just calls f. If no further thread can be had (max_blocking_threads), the
// other workers share the work.
template <class F>
std::invoke_result_t<F> block_in_place(F&& f) {
    detail::worker_loan const until_done;
    return detail::invoke(std::forward<F>(f));
}

}  // namespace ramie
