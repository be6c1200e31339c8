// Stacks: what a stack is, and where stacks come from.
//
//     slab:   | slot 0          | slot 1          | slot 2          | ...       one mmap, 64 MB, no memory of its own
//
//     slot:   floor     bottom                          hot page  top  end      (addresses grow to the right)
//             |  guard  |  untouched: costs nothing     |W        |cc|
//
// A task's stack starts at `top` and grows down. Memory comes page by page, on first touch: a parked task that stays
// within the hot page (the slot's last) costs that page and its share of a page table. `cc` is the colour: 0 to 7 cache
// lines, so that many stacks do not use the same sets of the first-level cache. `W`, the first word of the hot page, is
// the watermark: fresh memory is zero, and a stack that grew over the watermark has probably left another value there.
//
// A function with a large local array moves the stack pointer by the whole array at once, and may jump over the guard.
// So the guard of the first few thousand slots spans more than 1 MiB ("wide", wide_slots.hpp); later slots lie close
// together.
//
// Where a slot is, and which thread may touch its descriptor:
//   live    a task has the slot: the worker that runs the task
//   cached  in a worker's stack_cache, all pages kept: that worker
//   hot     in its slab, deeper pages returned, the hot page kept: the depot's lock
//   cold    in its slab, all pages returned: the depot's lock
//   fresh   never handed out, no guard yet: the depot's lock
// Descriptors lie in a side table of their slab, never in the slot: the low end of a slot stays untouched.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/ground/api.hpp>
#include <ramie/detail/ground/config.hpp>
#include <ramie/stack_metrics.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace ramie::detail {

enum class guard_kind : std::uint8_t {
    none_yet,  // the slot is fresh
    madvise,   // MADV_GUARD_INSTALL: touching it is a SIGSEGV; needs no memory and no map
    mprotect,  // PROT_NONE: the same, but costs two of the process's maps
    canary     // no memory protection: the word at `bottom` must read zero at every switch
};

class stack_slab;

// One cache line each: neighbours are written by different workers.
struct alignas(64) stack {
    std::byte* top = nullptr;        // where the stack pointer starts; 64-byte aligned
    std::byte* bottom = nullptr;     // lowest usable byte, just above the guard
    std::byte* lowest_sp = nullptr;  // least stack pointer noted since the last trim; only the current user writes
    std::byte* floor = nullptr;      // slot's lowest byte; [floor, bottom) is the guard, or slack if there is none
    stack* next = nullptr;           // links a free list
    stack_slab* slab = nullptr;
    void* sanitizer_fiber = nullptr;  // TSan's fiber, kept for the slot's life (context.hpp)
    unsigned valgrind_id = 0;         // Valgrind's, likewise
    std::uint8_t size_class = 0;
    guard_kind guard = guard_kind::none_yet;
    // Why a switch away from here is not the usual one (lane::leave_with_care): one byte, so that it costs one look.
    static constexpr std::uint8_t reads_canary = 1, has_own_thread_state = 2;
    std::uint8_t care = 0;

    std::size_t usable() const noexcept { return static_cast<std::size_t>(top - bottom); }

    // The size that this class promises: usable(), and the colour.
    std::size_t size() const noexcept;

    bool guards(void const* address) const noexcept { return address >= floor && address < bottom; }

    // Notes the stack pointer of the task that has this stack, at a switch. False: the stack has overflowed, over its
    // guard or without one (see below()).
    [[nodiscard]] bool note_sp(void const* sp) noexcept {
        if (sp >= lowest_sp) [[likely]] return true;
        if (sp < bottom) [[unlikely]] return !below(sp);
        lowest_sp = static_cast<std::byte*>(const_cast<void*>(sp));
        return true;
    }

    // Whether a stack pointer, or what it points to, lies where only an overflow of this stack can lead: below the
    // stack and within its slab. Anywhere else the code runs on a stack of its own, which is no error: a ucontext,
    // another library's coroutine, a signal stack.
    bool below(void const* sp) const noexcept;
    bool holds(void const* sp) const noexcept { return sp >= bottom && sp <= top; }

    void set_guard(guard_kind kind) noexcept {
        guard = kind;
        care = static_cast<std::uint8_t>((care & ~reads_canary) | (kind == guard_kind::canary ? reads_canary : 0));
    }
    // False after a write below an unguarded stack.
    bool canary_intact() const noexcept { return (care & reads_canary) == 0 || canary_reads_zero(); }

  private:
    bool canary_reads_zero() const noexcept;
};

// Slots are powers of two. Under a sanitizer frames are several times larger, so the default slot is four times as
// large, and no smaller ones are handed out.
#if defined(RAMIE_ASAN) || defined(RAMIE_TSAN)
inline constexpr std::size_t default_slot = std::size_t{1} << 20;
inline constexpr std::size_t smallest_slot = default_slot;
#else
inline constexpr std::size_t default_slot = std::size_t{256} << 10;
inline constexpr std::size_t smallest_slot = std::size_t{32} << 10;
#endif
inline constexpr std::size_t largest_slot = std::size_t{256} << 20;
inline constexpr std::size_t largest_guard = std::size_t{64} << 10;

// Usable bytes of a default slot.
inline constexpr std::size_t default_stack_size = default_slot - largest_guard;

inline constexpr std::uint8_t stack_class_count = [] {
    std::uint8_t n = 1;
    for (auto slot = smallest_slot; slot < largest_slot; slot *= 2) ++n;
    return n;
}();

// The smallest class with at least that many usable bytes. Throws std::invalid_argument, which names the accepted
// range.
RAMIE_API std::uint8_t stack_class_for(std::size_t wanted);

// Idle stacks chained through `next`, newest first.
struct stack_list {
    stack* head = nullptr;
    unsigned count = 0;

    void push(stack* s) noexcept {
        s->next = head;
        head = s;
        ++count;
    }

    stack* pop() noexcept {
        auto* const s = head;
        if (s == nullptr) return nullptr;
        head = s->next;
        --count;
        return s;
    }
};

// For ASan. A task leaves its stack for good by a jump. Its last frames never return, so their red zones stay poisoned.
// These frames lie above the last stack pointer; everything below was unpoisoned when it returned or was unwound. So
// this cleans [least stack pointer noted, end), and at least 16 KiB in case the last jump was not noted: 2 KiB of
// shadow, instead of 128 KiB for the whole slot each time.
#if RAMIE_ASAN
void unpoison(stack const&) noexcept;
#else
inline void unpoison(stack const&) noexcept {}
#endif

// A worker's few hot stacks per class. Owner thread only; no lock and no system call as long as stacks are put and
// taken in turn.
//
// Two magazines per class: the loaded one serves, the spare one is full or empty. A magazine goes to the depot only
// when both are full, and is fetched only when both are empty, so a worker that goes to and fro over a boundary does
// not visit the depot each time. Stacks in here keep all their pages: a task that uses three pages each time pays no
// madvise per task.
class stack_cache {
  public:
    stack_cache();
    ~stack_cache();
    stack_cache(stack_cache const&) = delete;
    stack_cache& operator=(stack_cache const&) = delete;

    // A guarded stack. Throws std::bad_alloc if the system has no address space left; then nothing is lost.
    [[nodiscard]] stack* take(std::uint8_t size_class) {
        if (auto* const s = take_used(size_class)) [[likely]] return s;
        return take_any(size_class);
    }
    // The same if the cache has one that was used before; else null.
    [[nodiscard]] stack* take_used(std::uint8_t size_class) noexcept {
        auto& loaded = magazines_[size_class].loaded;
        if (loaded.head == nullptr || loaded.head->guard == guard_kind::none_yet) [[unlikely]] return nullptr;
        count(-1);
        return loaded.pop();
    }

    // Takes back a stack on which no task runs. It need not come from this cache.
    void put(stack* s) noexcept {
        unpoison(*s);
        auto& here = magazines_[s->size_class];
        if (here.loaded.count >= here.full) [[unlikely]] make_room(s->size_class, here);
        here.loaded.push(s);
        count(+1);
    }

    // Gives all stacks to the depot: when a worker goes idle for long, and at its end.
    void flush() noexcept;

    // How many stacks it holds. From any thread.
    std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

  private:
    struct magazines {
        stack_list loaded;
        stack_list spare;
        unsigned full = 0;  // how many stacks one magazine holds, once known
    };
    stack* take_any(std::uint8_t size_class);
    void make_room(std::uint8_t size_class, magazines&) noexcept;
    void refill(std::uint8_t size_class, magazines&);
    void count(std::ptrdiff_t change) noexcept {
        size_.store(size() + static_cast<std::size_t>(change), std::memory_order_relaxed);
    }

    std::array<magazines, stack_class_count> magazines_;
    atomic<std::size_t> size_{0};  // only the owner writes; statistics read
};

stack_metrics stack_statistics() noexcept;

// Housekeeping: unmaps slabs that were idle for the decay time, and returns the hot pages of slots that were not taken
// for one to two decay times. Says when to be called next: time_point::max() if nothing is left to return, until stacks
// are put or flushed again.
std::chrono::steady_clock::time_point trim_stacks(std::chrono::steady_clock::time_point now) noexcept;

inline constexpr std::chrono::seconds default_stack_decay{10};

// For tests.
void set_stack_decay(std::chrono::nanoseconds) noexcept;
std::chrono::nanoseconds stack_decay() noexcept;

}  // namespace ramie::detail
