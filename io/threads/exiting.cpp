// pthread_exit: of a fiber, which libramie unwinds; the result is noted here; and of main.
#include "next.hpp"
#include "thread.hpp"

#include <cstdint>
#include <cstdlib>

#include <unistd.h>

namespace ramie::threads {

namespace {

bool is_main() noexcept { return ::gettid() == ::getpid(); }

void leave(void* result) {
    if (auto const t = thread::self()) {
        t->result = result;
        return;
    }
    // The process goes on until the last thread ends, and then ends well. (Its real threads are libramie's, which never end.)
    if (seam() == nullptr || !is_main()) return;
    thread::wait_for_all();
    std::exit(EXIT_SUCCESS);
}

}  // namespace

}  // namespace ramie::threads

using namespace ramie::threads;

RAMIE_EXPORTED void pthread_exit(void* result) {
    leave(result);
    if (seam() != nullptr) seam()->exit();
    RAMIE_NEXT(pthread_exit)(result);
    __builtin_unreachable();
}
// Where a C function's cleanup handler goes on.
RAMIE_EXPORTED void __pthread_unwind_next(__pthread_unwind_buf_t* done) {
    if (seam() != nullptr) seam()->unwind_next(done);
    RAMIE_NEXT(__pthread_unwind_next)(done);
    __builtin_unreachable();
}
RAMIE_EXPORTED void thrd_exit(int result) { ::pthread_exit(reinterpret_cast<void*>(static_cast<std::intptr_t>(result))); }
