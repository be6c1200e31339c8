#include "plain_access.hpp"

#include "run.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>

namespace ramie::model::plain {

namespace {

// One byte's history.
struct cell {
    std::uintptr_t address = 0;
    std::uint32_t run = 0;
    bool is_gone = false;
    std::uint8_t writer = 0;
    std::uint32_t written = 0;  // the writer's clock
    clocks read{};
};
// By the lower bits of the address; a newcomer takes the place. (Then a race may be missed, never invented.)
constexpr std::size_t cells = std::size_t{1} << 18;
cell* table() {
    static auto* const all = static_cast<cell*>(std::calloc(cells, sizeof(cell)));
    return all;
}
std::uint32_t this_run = 1;

cell& cell_of(std::uintptr_t address) noexcept {
    auto& c = table()[address % cells];
    if (c.address != address || c.run != this_run) {
        c = {};
        c.address = address;
        c.run = this_run;
    }
    return c;
}

bool is_gone(std::uintptr_t address) noexcept {
    auto const& c = table()[address % cells];
    return c.is_gone && c.address == address && c.run == this_run;
}

// The model's threads are one OS thread and so share its thread-locals (errno), as real ones do not.
bool is_thread_local(void const* at) noexcept {
    auto const here = reinterpret_cast<std::uintptr_t>(__builtin_thread_pointer());
    auto const there = reinterpret_cast<std::uintptr_t>(at);
    return there < here && here - there < (std::size_t{64} << 10);
}

std::string place(void const* at) {
    char text[32];
    std::snprintf(text, sizeof text, "%p", at);
    return text;
}

}  // namespace

void forget_all() noexcept { ++this_run; }

void accessed(void const* at, std::size_t bytes, bool written) noexcept {
    auto* const r = run::current();
    if (r == nullptr || is_thread_local(at)) return;
    at_work const whole;
    auto& t = r->self();
    auto const now = t.current.clock[t.number];
    if (r->is_alone()) {
        for (std::size_t i = 0; i < bytes; ++i)
            if (is_gone(reinterpret_cast<std::uintptr_t>(at) + i)) r->fail("memory is used after it was given back, at " + place(at));
        return;
    }
    for (std::size_t i = 0; i < bytes; ++i) {
        auto& c = cell_of(reinterpret_cast<std::uintptr_t>(at) + i);
        if (c.is_gone) r->fail("memory is used after it was given back, at " + place(at));
        if (c.written > t.current.clock[c.writer] && c.writer != t.number)
            r->fail(std::string("a data race: a ") + (written ? "write" : "read") + " at " + place(at) +
                    " does not come after thread " + std::to_string(c.writer) + "'s write");
        if (!written) {
            c.read[t.number] = now;
            continue;
        }
        for (unsigned other = 0; other < most_threads; ++other)
            if (other != t.number && c.read[other] > t.current.clock[other])
                r->fail("a data race: a write at " + place(at) + " does not come after thread " + std::to_string(other) +
                        "'s read");
        c.writer = static_cast<std::uint8_t>(t.number);
        c.written = now;
    }
}

void given_back(void const* at, std::size_t bytes) noexcept {
    accessed(at, bytes, true);
    if (run::current() == nullptr) return;
    for (std::size_t i = 0; i < bytes; ++i) cell_of(reinterpret_cast<std::uintptr_t>(at) + i).is_gone = true;
}

void handed_out(void const* at, std::size_t bytes) noexcept {
    for (std::size_t i = 0; i < bytes; ++i) table()[(reinterpret_cast<std::uintptr_t>(at) + i) % cells].run = 0;
}

}  // namespace ramie::model::plain

// --- what the compiler's instrumentation calls ---

using ramie::model::plain::accessed;

#define RAMIE_ACCESS(n)                                                                      \
    extern "C" void __tsan_read##n(void* at) { accessed(at, n, false); }                     \
    extern "C" void __tsan_write##n(void* at) { accessed(at, n, true); }                     \
    extern "C" void __tsan_unaligned_read##n(void* at) { accessed(at, n, false); }           \
    extern "C" void __tsan_unaligned_write##n(void* at) { accessed(at, n, true); }           \
    extern "C" void __tsan_volatile_read##n(void*) {}                                        \
    extern "C" void __tsan_volatile_write##n(void*) {}
RAMIE_ACCESS(1)
RAMIE_ACCESS(2)
RAMIE_ACCESS(4)
RAMIE_ACCESS(8)
RAMIE_ACCESS(16)
// Atomics of the standard library (the counts of a shared_ptr) are no steps: they happen in the order of the run, and whoever
// comes later sees all that came before.
template <class T>
T volatile& in_order(T const volatile* at) {
    if (auto* const r = ramie::model::run::current(); r != nullptr) {
        ramie::model::at_work const whole;
        r->synchronise(const_cast<T const*>(at));
    }
    return const_cast<T volatile&>(*at);
}
#define RAMIE_ATOMIC(bits, T)                                                                                          \
    extern "C" T __tsan_atomic##bits##_load(T const volatile* at, int) { return in_order(at); }                      \
    extern "C" void __tsan_atomic##bits##_store(T volatile* at, T v, int) { in_order(at) = v; }                      \
    extern "C" T __tsan_atomic##bits##_exchange(T volatile* at, T v, int) {                                           \
        auto& place = in_order(at);                                                                                   \
        T const before = place;                                                                                       \
        place = v;                                                                                                    \
        return before;                                                                                                \
    }                                                                                                                 \
    extern "C" T __tsan_atomic##bits##_fetch_add(T volatile* at, T n, int) {                                          \
        auto& place = in_order(at);                                                                                   \
        T const before = place;                                                                                       \
        place = static_cast<T>(before + n);                                                                           \
        return before;                                                                                                \
    }                                                                                                                 \
    extern "C" T __tsan_atomic##bits##_fetch_sub(T volatile* at, T n, int order) {                                    \
        return __tsan_atomic##bits##_fetch_add(at, static_cast<T>(-n), order);                                        \
    }                                                                                                                 \
    extern "C" int __tsan_atomic##bits##_compare_exchange_strong(T volatile* at, T* expected, T v, int, int) {         \
        auto& place = in_order(at);                                                                                   \
        T const before = place;                                                                                       \
        bool const done = before == *expected;                                                                        \
        if (done) place = v;                                                                                          \
        else *expected = before;                                                                                      \
        return done;                                                                                                  \
    }                                                                                                                 \
    extern "C" int __tsan_atomic##bits##_compare_exchange_weak(T volatile* at, T* expected, T v, int o, int f) {       \
        return __tsan_atomic##bits##_compare_exchange_strong(at, expected, v, o, f);                                  \
    }
RAMIE_ATOMIC(8, signed char)
RAMIE_ATOMIC(32, int)
RAMIE_ATOMIC(64, long)
extern "C" void __tsan_init() {}
extern "C" void __tsan_func_entry(void*) {}
extern "C" void __tsan_func_exit() {}
extern "C" void __tsan_vptr_update(void** at, void*) { accessed(at, sizeof *at, true); }
extern "C" void __tsan_vptr_read(void** at) { accessed(at, sizeof *at, false); }
extern "C" void __tsan_read_range(void* at, unsigned long n) { accessed(at, n, false); }
extern "C" void __tsan_write_range(void* at, unsigned long n) { accessed(at, n, true); }

// --- memory ---
//
// A run's own is never used again while it lasts, so that what was given back is known to be.

namespace {

constexpr std::size_t arena_bytes = std::size_t{4} << 20;
alignas(4096) std::byte arena[arena_bytes];
std::size_t arena_used = 0;
std::uint32_t arena_run = 0;
struct block_head {
    std::size_t bytes;
    std::size_t padding;
};

void* take(std::size_t bytes, std::size_t alignment) {
    if (ramie::model::run::current() == nullptr) {
        void* const at = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
        if (at == nullptr) throw std::bad_alloc();
        return at;
    }
    if (arena_run != ramie::model::plain::this_run) arena_used = 0, arena_run = ramie::model::plain::this_run;
    auto const start = (arena_used + sizeof(block_head) + alignment - 1) / alignment * alignment;
    if (start + bytes > arena_bytes) throw std::bad_alloc();
    arena_used = start + bytes;
    auto* const at = arena + start;
    reinterpret_cast<block_head*>(at)[-1].bytes = bytes;
    ramie::model::plain::handed_out(at, bytes);
    return at;
}

void give_back(void* at) noexcept {
    auto* const byte = static_cast<std::byte*>(at);
    if (byte < arena || byte >= arena + arena_bytes) return std::free(at);
    ramie::model::plain::given_back(at, reinterpret_cast<block_head*>(at)[-1].bytes);
}

}  // namespace

void* operator new(std::size_t n) { return take(n, 16); }
void* operator new(std::size_t n, std::align_val_t a) { return take(n, std::max<std::size_t>(16, static_cast<std::size_t>(a))); }
void operator delete(void* at) noexcept { give_back(at); }
void operator delete(void* at, std::size_t) noexcept { give_back(at); }
void operator delete(void* at, std::align_val_t) noexcept { give_back(at); }
void operator delete(void* at, std::size_t, std::align_val_t) noexcept { give_back(at); }
