// What the runtime's sources know of the OS thread that they run on: nothing, here.
#include "carrier.hpp"

namespace ramie::detail {

thread_service::thread_service(scheduler& of) noexcept : of_(&of), outer_(nullptr) {}
thread_service::~thread_service() = default;
entered_runtime::entered_runtime(scheduler& s) noexcept : service_(s), before_(nullptr) {}
entered_runtime::~entered_runtime() = default;

}  // namespace ramie::detail
