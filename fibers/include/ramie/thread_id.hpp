// Names a running task or plain thread, as std::thread::id names a thread.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/error.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <version>
#ifdef __cpp_lib_format
#include <format>
#endif

namespace ramie {

class thread_id;
class thread;

namespace this_thread {
RAMIE_API thread_id get_id() noexcept;
}

// As std::thread::id: a default-made id names no task or thread; no two tasks or plain threads that exist at the same
// time have the same id. A task keeps its id on every thread. Written out, a task's id is its number, as in dumps.
class thread_id {
  public:
    constexpr thread_id() noexcept = default;
    friend constexpr bool operator==(thread_id, thread_id) noexcept = default;
    friend constexpr std::strong_ordering operator<=>(thread_id, thread_id) noexcept = default;
    // "7" (a task), "thread 3" (a plain one), "no thread".
    friend std::string to_string(thread_id);
    template <class Char, class Traits>
    friend std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>& out, thread_id id) {
        return out << to_string(id).c_str();
    }

  private:
    friend class thread;
    friend thread_id this_thread::get_id() noexcept;
    friend std::hash<thread_id>;
    static constexpr thread_id of_task(task_id n) noexcept { return thread_id(2 * n); }
    static constexpr thread_id of_plain_thread(std::uint64_t n) noexcept { return thread_id(2 * n + 1); }
    constexpr explicit thread_id(std::uint64_t number) noexcept : number_(number) {}

    std::uint64_t number_ = 0;  // tasks are even, plain threads odd
};
RAMIE_API std::string to_string(thread_id);

}  // namespace ramie

template <>
struct std::hash<ramie::thread_id> {
    std::size_t operator()(ramie::thread_id id) const noexcept { return std::hash<std::uint64_t>()(id.number_); }
};

#ifdef __cpp_lib_format
// With a string's format specification.
template <class Char>
struct std::formatter<ramie::thread_id, Char> : std::formatter<std::basic_string_view<Char>, Char> {
    template <class Context>
    auto format(ramie::thread_id id, Context& context) const {
        auto const text = to_string(id);
        std::basic_string<Char> const wide(text.begin(), text.end());
        return std::formatter<std::basic_string_view<Char>, Char>::format(wide, context);
    }
};
#endif
