#include "memory.hpp"

namespace ramie::model {

namespace {

bool acquires(order o) noexcept { return o == order::acquire || o == order::acq_rel || o == order::seq_cst; }
bool releases(order o) noexcept { return o == order::release || o == order::acq_rel || o == order::seq_cst; }

}  // namespace

memory::location* memory::known(void const* object) noexcept {
    auto const found = locations_.find(object);
    return found != locations_.end() ? &found->second : nullptr;
}

memory::location& memory::at(void const* object, word initial) {
    if (auto* const l = known(object)) return *l;
    auto& l = locations_[object];  // one that was there before the run
    l.number = next_++;
    l.history.push_back({initial, {}});
    return l;
}

void memory::begin(void const* object, word initial, model_thread const& by) {
    auto& l = locations_[object] = {};
    l.number = next_++;
    l.history.push_back({initial, {}});
    l.born = l.used = {};
    l.born[by.number] = l.used[by.number] = by.current.clock[by.number];
}

std::uint32_t memory::oldest_for(model_thread const& t, location const& l, bool seq_cst) const noexcept {
    auto const seen = t.current.at(l.number);
    return seq_cst ? std::max(seen, in_order_.at(l.number)) : seen;
}

word memory::read(model_thread& t, location& l, std::uint32_t store, order o) {
    auto const& from = l.history[store];
    t.current.raise(l.number, store);
    t.to_acquire.raise(l.number, store);
    t.to_acquire.join(from.released);
    if (acquires(o)) t.current.join(from.released);
    if (o == order::seq_cst) in_order_.raise(l.number, store);
    return from.value;
}

void memory::write(model_thread& t, location& l, word value, order o, store_record const* instead_of) {
    auto const place = static_cast<std::uint32_t>(l.history.size());
    t.current.raise(l.number, place);
    t.to_acquire.raise(l.number, place);
    store_record made{value, releases(o) ? t.current : t.released};
    made.released.raise(l.number, place);
    if (instead_of != nullptr) made.released.join(instead_of->released);  // the release sequence goes on
    l.history.push_back(std::move(made));
    if (o == order::seq_cst) in_order_.raise(l.number, place);
    t.tick();
    count_store();
}

void memory::fence(model_thread& t, order o) {
    if (acquires(o)) t.current.join(t.to_acquire);
    if (o == order::seq_cst) {
        auto const clock = t.current.clock;  // it orders, but it does not synchronise
        t.current.join(in_order_);
        t.current.clock = clock;
        in_order_.join(t.current);
        t.to_acquire.join(t.current);
    }
    if (releases(o)) t.released = t.current;
    t.tick();
}

}  // namespace ramie::model
