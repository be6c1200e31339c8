#include "thread_state/thread_block.hpp"

#include "thread_state/c_library.hpp"
#include "thread_state/thread_pointer.hpp"

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/word_lock.hpp>

#include <cerrno>
#include <climits>
#include <cstring>
#include <locale.h>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ramie::detail {

namespace {

constinit word_lock lock;
constinit thread_block* unused = nullptr;
constinit atomic<std::size_t> made{0};
constinit atomic<std::uint32_t> last_number{0};

std::byte* own_locals(void* pointer) noexcept {
    return static_cast<std::byte*>(pointer) + c_library::found().own_locals;
}

template <class T>
void write(void* block, std::size_t offset, T value) noexcept {
    std::memcpy(static_cast<std::byte*>(block) + offset, &value, sizeof value);
}

// Larger than any number of a real thread (the kernel's limit is 2^22), and within the 30 bits that a mutex has for it.
int new_number() noexcept {
    constexpr std::uint32_t first = 1u << 29;
    return static_cast<int>(first + (last_number.fetch_add(1, std::memory_order_relaxed) & (first - 1)));
}

// As pthread_create does it.
void fill_in(void* block) noexcept {
    auto const& libc = c_library::found();
    auto* const b = static_cast<std::byte*>(block);
    auto const* const mine = static_cast<std::byte const*>(thread_pointer());
    write(block, 0, block);
    write(block, 2 * sizeof(void*), block);
    // What follows in the header: whether there are several threads, the canaries, what the processor is to check.
    constexpr std::size_t shared = 3 * sizeof(void*), shared_end = 10 * sizeof(void*);
    std::memcpy(b + shared, mine + shared, shared_end - shared);
    write(block, libc.number, new_number());
    write(block, libc.list, b + libc.list);
    write(block, libc.list + sizeof(void*), b + libc.list);
    write(block, libc.robust_list, b + libc.robust_list);
    // The kernel writes into the carrying thread's: this one says that it does not know the processor.
    if (libc.rseq != 0) std::memset(b + libc.rseq + sizeof(std::uint32_t), 0xff, sizeof(std::uint32_t));
}

thread_block* pop() noexcept {
    std::lock_guard const held(lock);
    auto* const b = unused;
    if (b != nullptr) unused = b->next;
    return b;
}
void push(thread_block& b) noexcept {
    std::lock_guard const held(lock);
    b.next = unused;
    unused = &b;
}

thread_block& make() {
    auto const& libc = c_library::found();
    auto kept = std::make_unique_for_overwrite<std::byte[]>(libc.size_of_own_locals);
    auto made_here = std::make_unique<thread_block>();
    made_here->pointer = libc.allocate(nullptr);
    if (made_here->pointer == nullptr) throw std::bad_alloc();
    made_here->has_vector = true;
    made_here->kept = kept.release();
    made.fetch_add(1, std::memory_order_relaxed);
    return *made_here.release();
}

// The other libraries' thread-locals as a new thread finds them.
bool renew(thread_block& b) noexcept {
    auto const& libc = c_library::found();
    std::memcpy(b.kept, own_locals(b.pointer), libc.size_of_own_locals);
    if (std::exchange(b.has_vector, false)) libc.deallocate(b.pointer, false);
    b.has_vector = libc.allocate(b.pointer) != nullptr;
    std::memcpy(own_locals(b.pointer), b.kept, libc.size_of_own_locals);
    return b.has_vector;
}

// The calling thread's values of pthread keys. Another thread may delete a key at this moment, as at the end of a real
// thread.
template <class F>
void for_each_value(F&& f) noexcept {
    auto const& libc = c_library::found();
    auto const* const groups = static_cast<std::byte const*>(thread_pointer()) + libc.values;
    for (pthread_key_t first = 0; first < PTHREAD_KEYS_MAX; first += c_library::keys_of_group) {
        void const* group = nullptr;
        std::memcpy(&group, groups + first / c_library::keys_of_group * sizeof group, sizeof group);
        if (first != 0 && group == nullptr) continue;
        for (auto key = first; key < first + c_library::keys_of_group; ++key) {
            auto const k = libc.keys[key];
            if (k.sequence % 2 == 0) continue;  // there is no such key
            if (auto* const value = ::pthread_getspecific(key)) f(key, value, k.destructor);
        }
    }
}

}  // namespace

thread_block& thread_block::take() {
    auto* b = pop();
    if (b == nullptr) {
        b = &make();
    } else if (!renew(*b)) {
        push(*b);
        throw std::bad_alloc();
    }
    fill_in(b->pointer);
    return *b;
}

void thread_block::put() noexcept { push(*this); }

std::size_t thread_block::count() noexcept { return made.load(std::memory_order_relaxed); }

void begin_thread() noexcept {
    c_library::found().begin_ctype();
    errno = 0;
}

void end_thread() noexcept {
    auto const& libc = c_library::found();
    libc.end_thread_locals();
    bool again = true;
    for (int round = 0; again && round < PTHREAD_DESTRUCTOR_ITERATIONS; ++round) {
        again = false;
        for_each_value([&](pthread_key_t key, void* value, void (*destructor)(void*)) {
            if (destructor == nullptr) return;
            (void)::pthread_setspecific(key, nullptr);
            destructor(value);
            again = true;
        });
    }
    for_each_value([](pthread_key_t key, void*, void (*)(void*)) { (void)::pthread_setspecific(key, nullptr); });
    (void)::uselocale(LC_GLOBAL_LOCALE);
}

void unregister_sequences([[maybe_unused]] void* block) noexcept {
#ifdef SYS_rseq
    auto const offset = c_library::found().rseq;
    if (offset == 0) return;
    constexpr unsigned size = 32, unregister = 1, signature = 0x53053053;  // as glibc registers them on x86-64
    (void)::syscall(SYS_rseq, static_cast<std::byte*>(block) + offset, size, unregister, signature);
#endif
}

}  // namespace ramie::detail
