// pthread_once. libc's call runs the routine, and a note on the caller's stack says so. A fiber that comes meanwhile
// waits in the parking lot until that note is gone, then asks again. (A plain thread waits in libc.)
//
// std::call_once keeps its callable in thread-locals of libstdc++ while it calls pthread_once, so these are saved and
// restored around the wait.
#include "waiting.hpp"

#include <mutex>

namespace ramie::hook {

namespace {

using detail::lot_wait;

// In glibc's word: bit 1 is set once the routine is done.
bool is_done(pthread_once_t const* control) noexcept {
    constexpr int done = 2;
    return (__atomic_load_n(control, __ATOMIC_ACQUIRE) & done) != 0;
}

class at_it {
  public:
    // False: another caller runs the routine already; then nothing is noted.
    bool begin(pthread_once_t* control) noexcept {
        list().lock();
        for (auto const* each = list().first; each != nullptr; each = each->next_) {
            if (each->control_ != control) continue;
            list().unlock();
            return false;
        }
        control_ = control;
        next_ = list().first;
        list().first = this;
        list().unlock();
        return true;
    }
    static bool is_anybody(pthread_once_t const* control) noexcept {
        list().lock();
        bool found = false;
        for (auto const* each = list().first; each != nullptr; each = each->next_) found |= each->control_ == control;
        list().unlock();
        return found;
    }
    at_it() = default;
    at_it(at_it const&) = delete;
    at_it& operator=(at_it const&) = delete;
    // Also after an exception in the routine, or when its thread is cancelled.
    ~at_it() {
        if (control_ == nullptr) return;
        list().lock();
        auto** at = &list().first;
        while (*at != nullptr && *at != this) at = &(*at)->next_;
        if (*at == this) *at = next_;  // in a child it is not there
        list().unlock();
        if (auto const* const calls = introduced()) tell(*calls, control_, detail::lot_wake::all);
    }

  private:
    struct all {
        void lock() noexcept {
            while (held.exchange(true, std::memory_order_acquire)) {}  // pairs with the release in unlock()
        }
        void unlock() noexcept { held.store(false, std::memory_order_release); }
        std::atomic<bool> held{false};
        at_it* first = nullptr;
    };
    static all& list() noexcept {
        static constinit all of_process;
        return of_process;
    }

    // In a child the parent's other threads are missing, and one of them may have held the lock.
    friend void forget_others() noexcept;
    pthread_once_t* control_ = nullptr;
    at_it* next_ = nullptr;
};

void forget_others() noexcept {
    at_it::list().first = nullptr;
    at_it::list().unlock();
}
[[gnu::constructor]] void watch_children() noexcept { (void)::pthread_atfork(nullptr, nullptr, forget_others); }

int is_nobody_at_it(void* control) noexcept {
    return at_it::is_anybody(static_cast<pthread_once_t*>(control)) ? static_cast<int>(lot_wait::again) : 0;
}

void wait_for_others(detail::hook_calls const& calls, pthread_once_t* control) noexcept {
#if defined(_GLIBCXX_HAVE_TLS)
    auto* const callable = std::__once_callable;
    auto* const call = std::__once_call;
#endif
    lot_wait w;
    w.address = control;
    w.attempt = is_nobody_at_it;
    w.argument = control;
    w.what = "pthread_once";
    (void)calls.wait_in_lot(w);
#if defined(_GLIBCXX_HAVE_TLS)
    std::__once_callable = callable;
    std::__once_call = call;
#endif
}

}  // namespace

int once(pthread_once_t* control, void (*routine)()) {
    if (is_done(control)) return 0;
    auto const* const calls = introduced();
    if (calls == nullptr) return real().pthread_once(control, routine);
    at_it mine;
    while (!mine.begin(control) && calls->is_hooked()) {
        wait_for_others(*calls, control);
        if (is_done(control)) return 0;
    }
    return real().pthread_once(control, routine);
}

}  // namespace ramie::hook

RAMIE_EXPORTED int pthread_once(pthread_once_t* control, void (*routine)()) { return ramie::hook::once(control, routine); }
RAMIE_EXPORTED int __pthread_once(pthread_once_t* control, void (*routine)()) { return ramie::hook::once(control, routine); }
