#include "stack/stack_slab.hpp"

#include "stack/stack_class.hpp"
#include "stack/stack_guard.hpp"
#include "stack/stack_mapping.hpp"

#include <ramie/detail/switch/context.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace ramie::detail {

unsigned close_slots(std::uint8_t size_class, std::optional<limited_space> const& space) noexcept {
    auto const usual = slots_per_slab(size_class, spacing::close);
    if (!space) return usual;
    auto const slot = slot_distance(size_class, spacing::close);
    auto const small = std::clamp<std::size_t>(space->largest_slab() / slot, 1, usual);
    return static_cast<unsigned>(std::min(small, space->left / slot));
}

stack_slab::stack_slab(std::uint8_t size_class, spacing apart, unsigned slots)
    : size_class_(size_class), apart_(apart), slots_(slots) {
    stacks_ = std::make_unique<stack[]>(slots_);
    // Address space may be scarce: a smaller slab is still useful.
    while ((base_ = map_stacks(bytes())) == nullptr)
        if ((slots_ /= 2) == 0) throw std::bad_alloc();
    lay_out();
}

void stack_slab::lay_out() noexcept {
    auto* slot = base_;
    for (unsigned i = 0; i < slots_; ++i, slot += slot_distance(size_class_, apart_)) {
        auto& s = stacks_[i];
        s.floor = slot;
        s.bottom = slot + guard_bytes(size_class_, apart_);
        s.size_class = size_class_;
        s.top = end_of(s) - colour_bytes(i);
        s.lowest_sp = s.top;
        s.slab = this;
    }
}

stack* stack_slab::take() noexcept {
    auto* s = hot_.pop();
    if (s != nullptr) low_water_ = std::min(low_water_, hot_.count);
    else s = cold_.pop();
    if (s == nullptr && next_fresh_ < slots_) s = &stacks_[next_fresh_++];
    if (s != nullptr) ++used_;
    return s;
}

void stack_slab::put(stack* s) noexcept {
    --used_;
    // A stack that a cache fetched and never gave out has no pages, and no guard yet.
    (s->guard == guard_kind::none_yet ? cold_ : hot_).push(s);
}

stack_list stack_slab::take_uncalled_for() noexcept {
    auto const keep = hot_.count - low_water_;
    stack** link = &hot_.head;
    for (unsigned i = 0; i < keep; ++i) link = &(*link)->next;
    stack_list const tail{std::exchange(*link, nullptr), low_water_};
    used_ += tail.count;
    low_water_ = hot_.count = keep;
    return tail;
}

void stack_slab::put_cold(stack_list list) noexcept {
    used_ -= list.count;
    while (auto* const s = list.pop()) cold_.push(s);
}

bool stack_slab::unmap() noexcept {
    // Not all slots were announced to the sanitizers, but every slot that was handed out may have been.
    std::for_each_n(stacks_.get(), next_fresh_, [](stack& s) { forget_stack(s); });
    if (!unmap_stacks(base_, bytes())) return false;
    std::for_each_n(stacks_.get(), next_fresh_, [](stack& s) {
        if (s.guard != guard_kind::none_yet) forget_guard(s);
    });
    return true;
}

std::size_t stack_slab::bytes() const noexcept { return slots_ * slot_distance(size_class_, apart_); }

bool stack::below(void const* sp) const noexcept { return sp < bottom && slab != nullptr && slab->contains(sp); }

}  // namespace ramie::detail
