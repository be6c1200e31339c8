// pthread keys: a value of each thread's own for each key, and what destroys it at the thread's end.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

namespace ramie::detail {

class keys {
  public:
    using destructor = void (*)(void*);
    static constexpr int rounds = 4;  // PTHREAD_DESTRUCTOR_ITERATIONS

    static keys& of_process();

    unsigned create(destructor d);        // std::bad_alloc
    bool remove(unsigned key) noexcept;   // false: there is none
    // A number that changes when the key is deleted and made again; 0: there is none.
    std::uint32_t generation(unsigned key) const noexcept;
    destructor destructor_of(unsigned key) const noexcept;

  private:
    struct entry {
        std::uint32_t generation = 0;  // odd: in use
        destructor destroy = nullptr;
    };
    mutable std::mutex lock_;  // held for a few instructions
    std::vector<entry> all_;
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
