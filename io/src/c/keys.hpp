// pthread keys: a value of each thread's own for each key, and what destroys it at the thread's end.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

namespace ramie::detail {

// Keys are made and deleted under a lock, and used without one: a program that hands a key to another thread orders that
// itself.
class keys {
  public:
    using destructor = void (*)(void*);
    static constexpr int rounds = 4;        // PTHREAD_DESTRUCTOR_ITERATIONS
    static constexpr unsigned most = 1024;  // PTHREAD_KEYS_MAX

    static keys& of_process() noexcept;

    unsigned create(destructor d);        // std::system_error (EAGAIN): there are `most`
    bool remove(unsigned key) noexcept;   // false: there is none
    // A number that changes when the key is deleted and made again; 0: there is none.
    std::uint32_t generation(unsigned key) const noexcept {
        auto const now = key < most ? all_[key].generation.load(std::memory_order_relaxed) : 0;
        return is_used(now) ? now : 0;
    }
    destructor destructor_of(unsigned key) const noexcept { return all_[key].destroy.load(std::memory_order_relaxed); }

  private:
    struct entry {
        std::atomic<std::uint32_t> generation{0};  // odd: in use
        std::atomic<destructor> destroy{nullptr};
    };
    static bool is_used(std::uint32_t generation) noexcept { return generation % 2 != 0; }

    std::mutex changing_;
    std::array<entry, most> all_;
};

// One thread's values.
class key_values {
  public:
    key_values() = default;
    key_values(key_values const&) = delete;
    key_values& operator=(key_values const&) = delete;
    ~key_values() { end(); }  // of a thread that C did not start

    // Of the calling fiber or thread. Null: none was set yet.
    static key_values* mine() noexcept;
    static key_values& make_mine();  // std::bad_alloc

    // The thread has ended: calls the destructors, which may set others, and wait.
    void end() noexcept;
    void set(unsigned key, void* value);  // std::bad_alloc; std::invalid_argument: no such key
    void* get(unsigned key) const noexcept;

  private:
    struct one {
        void* value = nullptr;
        std::uint32_t generation = 0;
    };
    bool destroy_once() noexcept;
    std::vector<one> values_;
};

}  // namespace ramie::detail
