#include "simulated/wire.hpp"

#include "simulated/stream_end.hpp"

#include <algorithm>
#include <cerrno>

namespace ramie::detail {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::nanoseconds first_pause = 200ms, longest_pause = 120s, patience = 924s;  // as Linux's

stream_end* end_at(network& net, int number) noexcept {
    return static_cast<stream_end*>(net.socket(number));
}

}  // namespace

void wire::send(kind what, std::vector<std::byte> bytes, std::size_t count) {
    if (stopped_) return;
    auto takes = net_.delay(from_.node, to_.node);
    for (auto again = first_pause; net_.loses(from_.node, to_.node) && again < longest_pause; again *= 2)
        takes += again;
    last_due_ = std::max(last_due_, net_.on.now() + takes);
    under_way_.push_back({what, std::move(bytes), count, last_due_});
    if (under_way_.size() == 1) expect_first(last_due_);
}

void wire::tear() {
    if (std::exchange(torn_, true)) return;
    bool const expected = !under_way_.empty();
    under_way_.clear();
    last_due_ = net_.on.now() + net_.delay(from_.node, to_.node);
    under_way_.push_back({kind::reset, {}, 0, last_due_});
    if (!expected) expect_first(last_due_);
}

void wire::expect_first(time_point when) {
    net_.on.at(when, [self = shared_from_this()] { self->first_is_due(); });
}

void wire::first_is_due() {
    if (under_way_.empty()) return;                                                              // stopped
    if (auto const due = under_way_.front().due; due > net_.on.now()) return expect_first(due);  // torn meanwhile
    if (!net_.reaches(from_.node, to_.node)) return stall();
    stalled_since_ = never;
    auto first = std::move(under_way_.front());
    under_way_.pop_front();
    deliver(first);
    if (!under_way_.empty()) expect_first(std::max(under_way_.front().due, net_.on.now()));
}

void wire::stall() {
    auto const give_up = [this] {
        under_way_.clear();
        stopped_ = true;
    };
    if (!net_.at(from_.node).has_power) return give_up();
    auto const now = net_.on.now();
    if (stalled_since_ == never) {
        stalled_since_ = now;
        pause_ = first_pause;
    }
    if (now - stalled_since_ >= patience) {
        give_up();
        if (auto* const sender = end_at(net_, from_.number)) sender->break_off(ETIMEDOUT);
        return;
    }
    expect_first(now + std::exchange(pause_, std::min(pause_ * 2, longest_pause)));
}

void wire::deliver(segment& s) {
    auto* const receiver = end_at(net_, to_.number);
    if (receiver == nullptr || !receiver->takes_segments()) {
        if (s.what == kind::data || s.what == kind::established) answer_by_reset();
        return;
    }
    switch (s.what) {
    case kind::established: return receiver->established(from_.number);
    case kind::data: return receiver->arrive(s.bytes);
    case kind::end: return receiver->arrive_end();
    case kind::reset: return receiver->break_off(ECONNRESET);
    case kind::read: return receiver->was_read(s.count);
    }
}

void wire::answer_by_reset() {
    stop();
    net_.on.at(net_.on.now() + net_.delay(to_.node, from_.node), [&net = net_, number = from_.number] {
        if (auto* const sender = end_at(net, number)) sender->break_off(ECONNRESET);
    });
}

}  // namespace ramie::detail
