#include <ramie/detail/sight/trace_book.hpp>

#include <algorithm>
#include <utility>

namespace ramie::detail {

trace_book::trace_book(std::size_t most) : most_(most) {
    traces_.resize(2);  // none and others
    traces_[others].end = trace::ending::not_taken;
}

trace_book::key trace_book::key_of(stack_copy const& of) noexcept {
    auto const& r = of.registers();
    return {r.ip, of.top() - r.sp, of.is_within(r.fp) ? of.top() - r.fp : 0};
}

bool trace_book::fits(layout const& known, stack_copy const& of) noexcept {
    return std::ranges::all_of(known.checks, [&](frame_check const& c) {
        std::uintptr_t word = 0;
        return of.read(of.top() - c.from_top, word) && (c.relative ? of.top() - word : word) == c.value;
    });
}

trace_number trace_book::find(stack_copy const& of) {
    auto const place = key_of(of);
    if (auto const there = known_.find(place); there != known_.end())
        for (auto const& each : there->second)
            if (fits(each, of)) return each.number;
    if (layouts_ >= most_) return others;
    ++walks_;
    scratch_ = {};
    checks_.clear();
    bool const can_be_checked = unwinder_.walk(of, scratch_, checks_);
    auto const number = add(std::move(scratch_));
    if (can_be_checked && number != others) {
        known_[place].push_back({number, checks_});
        ++layouts_;
    }
    return number;
}

trace_number trace_book::add(trace&& t) {
    auto frames = t.frames;
    frames.push_back(static_cast<std::uintptr_t>(t.end));
    if (auto const there = by_frames_.find(frames); there != by_frames_.end()) return there->second;
    if (traces_.size() >= most_) return others;
    auto const number = static_cast<trace_number>(traces_.size());
    by_frames_.emplace(std::move(frames), number);
    traces_.push_back(std::move(t));
    return number;
}

}  // namespace ramie::detail
