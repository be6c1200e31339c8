#include <ramie/thread.hpp>

#include <ramie/detail/machine/processors.hpp>
#include <ramie/this_fiber.hpp>

#include <cstdio>
#include <exception>
#include <string>
#include <system_error>

namespace ramie {

thread& thread::operator=(thread&& other) noexcept {
    must_not_be_joinable();
    task_ = std::move(other.task_);
    return *this;
}

thread::~thread() { must_not_be_joinable(); }

void thread::join() {
    must_be_joinable("joined");
    if (task_.id() == this_fiber::id())
        throw std::system_error(std::make_error_code(std::errc::resource_deadlock_would_occur),
                                "ramie: a thread cannot join itself");
    (void)task_.wait_until(detail::never);
    task_.detach();  // where a failure is reported
}

void thread::detach() {
    must_be_joinable("detached");
    task_.detach();
}

unsigned thread::hardware_concurrency() noexcept { return detail::usable_processors(); }

void thread::must_be_joinable(char const* verb) const {
    if (!joinable())
        throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                                std::string("ramie: a thread that is not joinable is ") + verb);
}

void thread::must_not_be_joinable() const noexcept {
    if (!joinable()) return;
    std::fprintf(stderr, "ramie: a thread (task %llu) is destroyed or assigned to before it was joined or detached\n",
                 static_cast<unsigned long long>(task_.id()));
    std::terminate();
}

}  // namespace ramie
