// What the two ends of a channel share.
//
// Under lock_:
//   - there is room while the values in the ring and the permits given out (reserve) are fewer than the capacity;
//   - receivers wait only while the ring is empty, senders only while there is no room, so neither is overtaken: a
//     sender that waits for several permits is given what room there is, one by one, before later senders;
//   - the ring has memory for all values and permits, and while a sender waits for room, for the whole capacity;
//   - a waiting receiver's node points to the std::optional<T> it receives into, a waiting sender's to its offer.
// A send to a waiting receiver, and a receive that makes room, hand the value over inside one claim: a party whose wait
// ended otherwise (abort, timeout, another case of a select) was not claimed and has lost nothing, and the next one is
// tried. A value is moved from only by the claim that takes it. Of user code only the values' moves run under the lock.
#pragma once

#include <ramie/detail/channel/value_ring.hpp>
#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/ground/least_most.hpp>
#include <ramie/detail/wait/await.hpp>
#include <ramie/detail/wait/want.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace ramie::detail {

template <class T>
class channel_core {
  public:
    enum class [[nodiscard]] result : std::uint8_t { done, closed, would_wait };
    static constexpr std::size_t unbounded = std::numeric_limits<std::size_t>::max();

    // What a waiting sender stands for: a value, or (null) permits. Granted by the claim that makes it true; a sender
    // that is woken without was told that the channel is closed.
    struct offer {
        T* value;
        std::size_t wanted = 1;
        std::size_t kept = 0;  // of several permits: those it has already
        bool granted = false;
    };

    explicit channel_core(std::size_t capacity) : capacity_(capacity) {}

    // --- steps under lock_; `woken` is to be resumed after unlocking ---
    bool can_push() const noexcept { return is_over() || has_room(); }
    bool can_pop() const noexcept { return ring_.size() > 0 || has_ended(); }
    // What may fail in a push, alone: std::bad_alloc. Then push() cannot throw.
    void make_room() { ring_.make_room_for(ring_.size() + reserved_ + 1); }

    result push(T& value, woken_list& woken) {
        if (is_over()) return result::closed;
        if (!has_room()) return result::would_wait;
        place(value, woken);
        return result::done;
    }

    result pop(std::optional<T>& out, woken_list& woken) noexcept {
        if (ring_.size() == 0) return has_ended() ? result::closed : result::would_wait;
        out.emplace(std::move(ring_.front()));
        drop_front();
        give_room(woken);
        return result::done;
    }

    // All or none.
    result take_permits(std::size_t n) {
        if (is_over()) return result::closed;
        if (room() < n) return result::would_wait;
        ring_.make_room_for(ring_.size() + reserved_ + n);
        reserved_ += n;
        return result::done;
    }

    // --- what waiters want (want.hpp); of null: nothing, ever ---
    template <class Place>
    class receiving;
    class sending;
    class reserving;
    class closing;

    // --- whole operations; would_wait: the limit passed ---
    result send(T& value, time_point limit) {
        auto& self = waiter::enter();
        {
            woken_list woken;
            std::unique_lock held(lock_);
            auto const now = push(value, woken);
            if (now != result::would_wait) [[likely]] return now;
            held.release();
        }
        return wait_for<sending>(self, "channel send", value, limit);
    }
    result try_send(T& value) {
        woken_list woken;
        std::lock_guard const held(lock_);
        return push(value, woken);
    }
    // n <= capacity().
    result reserve(std::size_t n, time_point limit) {
        reserving mine(this, n);
        bool const over = obtain(mine, {"channel send", this}, limit);
        return ended(over, mine.granted());
    }
    result try_reserve(std::size_t n) {
        std::lock_guard const held(lock_);
        return take_permits(n);
    }
    // What a permit is for. It cannot fail for want of room or memory, and not because of close().
    result send_reserved(T& value) noexcept {
        woken_list woken;
        std::lock_guard const held(lock_);
        --reserved_;
        if (receivers_left_ == 0) return result::closed;
        place(value, woken);
        give_room(woken);
        tell_if_ended(woken);
        return result::done;
    }
    void drop_permits(std::size_t n = 1) noexcept {
        woken_list woken;
        std::lock_guard const held(lock_);
        take_back(n, woken);
    }

    // `out` is empty.
    result receive(std::optional<T>& out, time_point limit) {
        auto& self = waiter::enter();
        {
            woken_list woken;
            std::unique_lock held(lock_);
            auto const now = pop(out, woken);
            if (now != result::would_wait) [[likely]] return now;
            held.release();
        }
        return wait_for<receiving<std::optional<T>&>>(self, "channel receive", out, limit);
    }
    result try_receive(std::optional<T>& out) noexcept {
        woken_list woken;
        std::lock_guard const held(lock_);
        return pop(out, woken);
    }

    // Waits until nothing can be sent any more.
    bool wait_closed(time_point limit) {
        return await(lock_, closing_, {"channel closed", this}, limit, [&] { return is_over(); }).owns_lock();
    }

    // --- ends ---
    void add_sender() noexcept { count(senders_left_); }
    void add_receiver() noexcept { count(receivers_left_); }
    // For a weak sender: false if the last one has gone.
    bool add_sender_if_any() noexcept {
        std::lock_guard const held(lock_);
        if (senders_left_ == 0) return false;
        ++senders_left_;
        return true;
    }
    // The last sender has gone: receivers get what is left, and then the end.
    void drop_sender() noexcept {
        woken_list woken;
        std::lock_guard const held(lock_);
        if (--senders_left_ > 0) return;
        senders_.assert_empty("channel's sender");
        closing_.assert_empty("channel's sender");
        tell_if_ended(woken);
    }
    // The last receiver has gone: senders are told, and values that no receiver takes are destroyed (a value may hold a
    // sender).
    void drop_receiver() noexcept {
        {
            woken_list woken;
            std::lock_guard const held(lock_);
            if (--receivers_left_ > 0) return;
            receivers_.assert_empty("channel's receiver");
            tell_senders(woken);
        }
        for (;;) {
            std::optional<T> unreceived;  // destroyed after unlocking
            std::lock_guard const held(lock_);
            if (ring_.size() == 0) return;
            unreceived.emplace(std::move(ring_.front()));
            drop_front();
        }
    }
    // No more sends, except by permits; what is in the channel can still be received.
    void close() noexcept {
        woken_list woken;
        std::lock_guard const held(lock_);
        closed_ = true;
        tell_senders(woken);
        tell_if_ended(woken);
    }
    // Nothing can be sent any more / nothing more will come, except by permits.
    bool is_closed_to_senders() noexcept {
        std::lock_guard const held(lock_);
        return is_over();
    }
    bool is_closed_to_receivers() noexcept {
        std::lock_guard const held(lock_);
        return closed_ || senders_left_ == 0;
    }
    std::size_t size() noexcept {
        std::lock_guard const held(lock_);
        return ring_.size();
    }
    std::size_t capacity() const noexcept { return capacity_; }

  private:
    bool is_over() const noexcept { return closed_ || receivers_left_ == 0; }
    std::size_t room() const noexcept { return capacity_ - ring_.size() - reserved_; }
    bool has_room() const noexcept { return room() > 0; }
    bool has_ended() const noexcept {
        return ring_.size() == 0 && reserved_ == 0 && (closed_ || senders_left_ == 0);
    }

    // Under lock_, which it gives up.
    template <class Wanted, class Value>
    [[gnu::noinline]] result wait_for(waiter& self, char const* what, Value& value, time_point limit) {
        Wanted mine(this, value);
        bool const over = wait_for_want(mine, self, {what, this}, limit);
        return ended(over, mine.granted());
    }
    static result ended(bool over, bool granted) noexcept {
        if (granted) return result::done;
        return over ? result::closed : result::would_wait;
    }

    void drop_front() noexcept {
        ring_.drop_front();
        if (ring_.is_sparse()) [[unlikely]] give_memory_back();
    }
    // Not while senders wait for room: give_room() must not fail.
    [[gnu::noinline]] void give_memory_back() noexcept {
        if (senders_.empty()) ring_.shrink_to(ring_.size() + reserved_);
    }

    wait_node* claim_from(wait_queue& queue, woken_list& woken) noexcept {
        auto const claimed = queue.claim_first();
        if (claimed.parked != nullptr) woken.add(*claimed.node);
        return claimed.node;
    }
    // While there is room: to the receiver that waits longest, or into the ring. Throws only if that must grow, and
    // then nothing has changed.
    void place(T& value, woken_list& woken) {
        if (auto* const taker = claim_from(receivers_, woken)) {
            static_cast<std::optional<T>*>(taker->slot)->emplace(std::move(value));
            return;
        }
        make_room();
        ring_.push_back(std::move(value));
    }
    // To the senders that wait longest. The ring need not grow: a value or a permit has just left, or the
    // sender that wants several permits has made room in it.
    void give_room(woken_list& woken) noexcept {
        while (has_room()) {
            auto* const next = senders_.first();
            if (next == nullptr) return;
            auto& mine = *static_cast<offer*>(next->slot);
            // Room for some of several is kept for it: no other sender may come before it. It gives back what it has if
            // its wait ends otherwise.
            if (mine.wanted > 1) keep_some(mine);
            if (mine.wanted > mine.kept + 1) return;
            if (!has_room() || !senders_.claim(*next, woken)) continue;
            mine.granted = true;
            if (mine.value != nullptr) place(*mine.value, woken);
            else ++reserved_;
        }
    }
    // All but the last: that is handed over by a claim.
    void keep_some(offer& mine) noexcept {
        auto const n = least(room(), mine.wanted - 1 - mine.kept);
        mine.kept += n;
        reserved_ += n;
    }
    // Permits that are not used.
    void take_back(std::size_t n, woken_list& woken) noexcept {
        reserved_ -= n;
        give_room(woken);
        tell_if_ended(woken);
    }
    void tell_if_ended(woken_list& woken) noexcept {
        if (has_ended()) receivers_.claim_all(woken);
    }
    void tell_senders(woken_list& woken) noexcept {
        senders_.claim_all(woken);
        closing_.claim_all(woken);
    }
    void count(std::size_t& which) noexcept {
        std::lock_guard const held(lock_);
        ++which;
    }

    word_lock lock_;
    value_ring<T> ring_;
    std::size_t const capacity_;
    std::size_t reserved_ = 0;
    std::size_t senders_left_ = 1;
    std::size_t receivers_left_ = 1;
    bool closed_ = false;
    wait_queue senders_;
    wait_queue receivers_;
    wait_queue closing_;
};

// A value. `Place`: a std::optional<T> of its own, which a sender finds by the slot, or a reference to one.
template <class T>
template <class Place>
class channel_core<T>::receiving : public want {
  public:
    receiving(channel_core* of, Place place) noexcept : of_(of), place_(static_cast<Place&&>(place)) {}
    bool is_off() const noexcept { return of_ == nullptr; }
    word_lock& lock() noexcept { return of_->lock_; }
    wait_queue& queue() noexcept { return of_->receivers_; }
    void* slot() noexcept { return static_cast<std::optional<T>*>(std::addressof(place_)); }
    bool poll() const noexcept { return of_->can_pop(); }
    void take(woken_list& woken) noexcept { (void)of_->pop(place_, woken); }
    bool granted() const noexcept { return place_.has_value(); }
    std::optional<T> result() { return std::move(place_); }

  private:
    channel_core* of_;
    Place place_;
};

template <class T>
class channel_core<T>::sending : public want {
  public:
    sending(channel_core* of, T& value) noexcept : of_(of), offer_{&value} {}
    bool is_off() const noexcept { return of_ == nullptr; }
    word_lock& lock() noexcept { return of_->lock_; }
    wait_queue& queue() noexcept { return of_->senders_; }
    void* slot() noexcept { return &offer_; }
    bool poll() const noexcept { return of_->can_push(); }
    void prepare() { of_->make_room(); }
    void take(woken_list& woken) { offer_.granted = of_->push(*offer_.value, woken) == result::done; }
    bool granted() const noexcept { return offer_.granted; }

  private:
    channel_core* of_;
    offer offer_;
};

// Room for several values: as a waiter it is given what there is one by one, and holds it.
template <class T>
class channel_core<T>::reserving : public want {
  public:
    reserving(channel_core* of, std::size_t n) noexcept : of_(of), offer_{nullptr, n} {}
    bool is_off() const noexcept { return of_ == nullptr; }
    word_lock& lock() noexcept { return of_->lock_; }
    wait_queue& queue() noexcept { return of_->senders_; }
    void* slot() noexcept { return &offer_; }
    bool poll() const noexcept { return of_->is_over() || of_->room() >= offer_.wanted; }
    void prepare() { of_->ring_.make_room_for(of_->ring_.size() + of_->reserved_ + offer_.wanted); }
    void take(woken_list&) { offer_.granted = of_->take_permits(offer_.wanted) == result::done; }
    void queueing() {
        of_->ring_.make_room_for(of_->capacity_);  // it will be given room at moments when nothing may fail
        if (offer_.wanted > 1) of_->keep_some(offer_);
    }
    void received(wait_node const&) noexcept {
        if (!offer_.granted && offer_.kept > 0) of_->drop_permits(offer_.kept);
    }
    void give_up(woken_list& woken) noexcept {
        if (offer_.kept > 0) of_->take_back(offer_.kept, woken);
    }
    bool granted() const noexcept { return offer_.granted; }

  private:
    channel_core* of_;
    offer offer_;
};

// That nothing can be sent any more.
template <class T>
class channel_core<T>::closing : public want {
  public:
    static constexpr bool looks_again = true;
    explicit closing(channel_core* of) noexcept : of_(of) {}
    bool is_off() const noexcept { return of_ == nullptr; }
    word_lock& lock() noexcept { return of_->lock_; }
    wait_queue& queue() noexcept { return of_->closing_; }
    bool poll() const noexcept { return of_->is_over(); }
    void take(woken_list&) noexcept {}

  private:
    channel_core* of_;
};

}  // namespace ramie::detail
