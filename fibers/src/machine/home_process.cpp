#include <ramie/detail/machine/home_process.hpp>

#include "machine/stay_loaded.hpp"

#include <ramie/detail/fence/pause.hpp>

#include <cerrno>
#include <cstddef>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

namespace ramie::detail::home_process {

namespace {

constinit word const no_home_yet{1};
constinit word* page = nullptr;               // under the lock; stays for good, in children too
constinit std::atomic<pid_t> home{0};         // the process's number
constinit std::atomic<unsigned> runtimes{0};  // how many exist
constinit child_watcher const* watchers = nullptr;  // written before main

// Held while a runtime is being started. The holder is a process: a child that finds its parent's number there would
// wait for ever.
class start_lock {
  public:
    // False: a thread of the process that we were forked from holds it.
    [[nodiscard]] bool lock() noexcept {
        auto const self = ::getpid();
        for (;;) {
            pid_t by = 0;
            // acquire pairs with the release in unlock().
            if (holder_.compare_exchange_strong(by, self, std::memory_order_acquire, std::memory_order_relaxed)) return true;
            if (by != self) return false;
            give_processor_away();
        }
    }
    void unlock() noexcept { holder_.store(0, std::memory_order_release); }
    bool is_held() const noexcept { return holder_.load(std::memory_order_relaxed) != 0; }

  private:
    std::atomic<pid_t> holder_{0};
};
constinit start_lock starting;

void begin_anew() noexcept {
    for (auto const* each = watchers; each != nullptr; each = each->next)
        if (each->begin_anew != nullptr) each->begin_anew();
    home.store(::getpid(), std::memory_order_relaxed);
    page->store(1, std::memory_order_release);  // pairs with the acquire in is_here()
}

// A child of a process without runtimes misses no threads, so it becomes a home of its own at once.
void begin_child() {
    page->store(0, std::memory_order_relaxed);
    for (auto const* each = watchers; each != nullptr; each = each->next)
        if (each->forked != nullptr) each->forked();
    if (runtimes.load(std::memory_order_relaxed) == 0 && !starting.is_held()) begin_anew();
}

std::size_t page_size() noexcept { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

// The word has a page of its own, because the kernel empties the whole page.
void make_page() {
    auto* const at = ::mmap(nullptr, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) throw std::system_error(errno, std::system_category(), "ramie: no page for the home's mark");
    (void)::madvise(at, page_size(), MADV_WIPEONFORK);  // EINVAL before Linux 4.14: then only begin_child() does it
    if (auto const error = ::pthread_atfork(nullptr, nullptr, begin_child); error != 0) {
        ::munmap(at, page_size());
        throw std::system_error(error, std::system_category(), "ramie: pthread_atfork");
    }
    page = new (at) word(0);
    stay_loaded();
}

// With the lock held.
void be_at_home() {
    if (page != nullptr && is_here()) return;
    if (runtimes.load(std::memory_order_relaxed) != 0) throw std::logic_error(why_not_here());
    if (page == nullptr) make_page();
    begin_anew();  // changes nothing, unless this is a child in which no handler ran
    looked_at.store(page, std::memory_order_release);  // likewise; the word is 1 before it can be found
}

}  // namespace

constinit std::atomic<word const*> looked_at{&no_home_yet};

std::string why_not_here() {
    return "ramie: this process was forked from one in which a runtime existed, and has none of that runtime's threads: "
           "it can neither use that runtime nor start one. Fork before the first runtime starts (or after the last one "
           "has ended), or exec in the child";
}

bool is_surely_here() noexcept {
    auto const number = home.load(std::memory_order_relaxed);
    return is_here() && (number == 0 || number == ::getpid());
}

runtime_presence::runtime_presence() {
    if (!starting.lock()) throw std::logic_error(why_not_here());
    try {
        be_at_home();
    } catch (...) {
        starting.unlock();
        throw;
    }
    runtimes.fetch_add(1, std::memory_order_relaxed);
    counts_.store(true, std::memory_order_relaxed);
    starting.unlock();
}

void runtime_presence::end() noexcept {
    if (counts_.exchange(false, std::memory_order_relaxed)) runtimes.fetch_sub(1, std::memory_order_relaxed);
}

child_watcher::child_watcher(void (*in_child)() noexcept, void (*in_new_home)() noexcept) noexcept
    : forked(in_child), begin_anew(in_new_home), next(watchers) {
    watchers = this;
}

}  // namespace ramie::detail::home_process
