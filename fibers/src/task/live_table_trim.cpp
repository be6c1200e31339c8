// Giving back a live table's memory: slots that were not taken for long go back to their chunks, and whole chunks are
// freed.
#include <ramie/detail/task/live_table.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace ramie::detail {

namespace {

// Batches at one call, so that it takes a millisecond and not a hundred.
constexpr std::size_t at_one_call = 64;
constexpr std::chrono::milliseconds until_next_call{100};

}  // namespace

// Finds the chunk of a slot. A chunk that is made later is unknown here, but no known chunk is freed while this is
// used.
class live_table::address_book {
  public:
    explicit address_book(live_table const& of) {
        pages_.reserve(of.places());
        {
            word_guard const held(of.pool_lock_);
            for (std::size_t i = 0; i < of.chunks_.size() && pages_.size() < pages_.capacity(); ++i)
                if (of.chunks_[i].slots) pages_.push_back({of.chunks_[i].slots.get(), i});
        }
        std::ranges::sort(pages_, {}, &page::first);
    }
    // The chunk's number, or `unknown`.
    std::size_t find(slot const* s) const noexcept {
        auto const next = std::ranges::upper_bound(pages_, s, {}, &page::first);
        if (next == pages_.begin()) return unknown;
        auto const& p = *std::prev(next);
        return s < p.first + chunk_size ? p.number : unknown;
    }
    static constexpr std::size_t unknown = ~std::size_t{0};

  private:
    struct page {
        slot const* first;
        std::size_t number;
    };
    std::vector<page> pages_;
};

live_table::time_point live_table::trim(time_point now, std::chrono::steady_clock::duration decay) noexcept {
    if (trimming_.test_and_set(std::memory_order_acquire)) return now + until_next_call;  // another thread trims
    {
        word_guard const held(foreign_lock_);
        foreign_.flush();
    }
    auto left = begin_trim(now, decay);
    try {
        address_book const book(*this);
        while (auto* const list = next_to_sort(left)) sort(list, book);
        free_whole_chunks();
    } catch (std::bad_alloc const&) {
        // No memory: try again later.
    }
    trimming_.clear(std::memory_order_release);  // pairs with the acquire above
    word_guard const held(pool_lock_);
    if (surplus_ > 0) return now + until_next_call;
    return batches_.empty() ? time_point::max() : reckon_at_;
}

// How many batches to sort in this call.
std::size_t live_table::begin_trim(time_point now, std::chrono::steady_clock::duration decay) noexcept {
    word_guard const held(pool_lock_);
    if (now >= reckon_at_) {
        surplus_ = std::min(least_batches_, batches_.size());
        least_batches_ = batches_.size();
        reckon_at_ = now + decay;
    }
    surplus_ = std::min(surplus_, batches_.size());
    return std::min(surplus_, at_one_call);
}

// Null: that was all for now.
live_table::slot* live_table::next_to_sort(std::size_t& batches_left) noexcept {
    word_guard const held(pool_lock_);
    if (loose_ != nullptr) {
        loose_count_ = 0;
        return std::exchange(loose_, nullptr);
    }
    if (batches_left == 0 || batches_.empty()) return nullptr;
    --batches_left;
    --surplus_;
    auto* const oldest = batches_.front();
    batches_.erase(batches_.begin());
    least_batches_ = std::min(least_batches_, batches_.size());
    return oldest;
}

void live_table::sort(slot* list, address_book const& book) noexcept {
    slot* unknown = nullptr;
    slot* last_unknown = nullptr;
    std::uint32_t unknown_count = 0;
    {
        word_guard const held(pool_lock_);
        while (list != nullptr) {
            auto& s = *list;
            list = next_free(s);
            auto const number = book.find(&s);
            if (number == address_book::unknown) {
                if (last_unknown == nullptr) last_unknown = &s;
                set_free(s, std::exchange(unknown, &s));
                ++unknown_count;
                continue;
            }
            auto& c = chunks_[number];
            set_free(s, std::exchange(c.sorted, &s));
            ++c.sorted_count;
            ++sorted_;
        }
    }
    if (unknown != nullptr) put_loose(unknown, last_unknown, unknown_count);
}

void live_table::free_whole_chunks() {
    std::vector<std::unique_ptr<slot[]>> gone;  // freed after unlocking
    word_guard const no_walk(walk_lock_);
    word_guard const held(pool_lock_);
    gone.reserve(sorted_ / chunk_size);
    for (auto& c : chunks_) {
        if (!c.slots || c.sorted_count < chunk_size) continue;
        gone.push_back(std::move(c.slots));
        c = {};
        sorted_ -= chunk_size;
        ++gone_;
    }
    for (; !chunks_.empty() && !chunks_.back().slots; --gone_) chunks_.pop_back();
}

std::size_t live_table::places() const noexcept {
    word_guard const held(pool_lock_);
    return chunks_.size();
}

// Under pool_lock_.
live_table::slot* live_table::take_sorted(std::uint32_t& count) noexcept {
    auto const some = std::ranges::find_if(chunks_, [](slot_chunk const& c) { return c.sorted_count > 0; });
    count = std::exchange(some->sorted_count, 0);
    sorted_ -= count;
    return std::exchange(some->sorted, nullptr);
}

std::size_t live_table::capacity() const noexcept {
    word_guard const held(pool_lock_);
    return chunk_size * static_cast<std::size_t>(std::ranges::count_if(chunks_, [](slot_chunk const& c) { return c.slots != nullptr; }));
}

}  // namespace ramie::detail
