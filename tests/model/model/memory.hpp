// The atomics of one run: for each the history of its stores, and what each store releases.
#pragma once

#include "atomic.hpp"
#include "threads.hpp"
#include "view.hpp"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace ramie::model {

class memory {
  public:
    struct store_record {
        word value;
        view released;
    };
    struct location {
        std::uint32_t number = 0;
        std::vector<store_record> history;
        clocks used{};        // each thread's last step that touched it
        clocks born{};        // nothing else may touch it before
        bool has_ended = false;
        word newest() const noexcept { return history.back().value; }
    };

    location& at(void const* object, word initial);
    location* known(void const* object) noexcept;
    void begin(void const* object, word initial, model_thread const&);
    std::uint64_t stores() const noexcept { return stores_; }

    // --- one thread's steps ---
    // The oldest store it may still read.
    std::uint32_t oldest_for(model_thread const&, location const&, bool seq_cst) const noexcept;
    word read(model_thread&, location&, std::uint32_t store, order);
    // `instead_of`: the store that a read-modify-write has just read (the newest); null: a plain store.
    void write(model_thread&, location&, word value, order, store_record const* instead_of);
    void fence(model_thread&, order);
    void count_store() noexcept { ++stores_; }

  private:
    std::unordered_map<void const*, location> locations_;
    std::uint32_t next_ = 0;
    std::uint64_t stores_ = 0;
    view in_order_;  // of sequentially consistent operations and fences; its clock is not used
};

}  // namespace ramie::model
