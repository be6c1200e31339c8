#include <ramie/signals.hpp>

#include "process/signal_hub.hpp"

#include <ramie/detail/wait/await.hpp>

#include <bit>
#include <csignal>
#include <mutex>
#include <stdexcept>
#include <string>

namespace ramie {

namespace detail {

namespace {

signal_set set_of(std::initializer_list<int> numbers) {
    if (numbers.size() == 0) throw std::invalid_argument("ramie: signals: at least one is needed");
    signal_set set = 0;
    for (int const number : numbers) {
        bool const reserved = number > 31 && number < SIGRTMIN;  // the C library's own
        if (number < 1 || number > SIGRTMAX || reserved)
            throw std::invalid_argument("ramie: signals: " + std::to_string(number) +
                                        " is no signal; they are 1 to 31 and " + std::to_string(SIGRTMIN) + " to " + std::to_string(SIGRTMAX));
        for (int const never : {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
            if (number == never)
                throw std::invalid_argument("ramie: signals: no program can listen to signal " + std::to_string(number));
        }
        set |= signal_hub::bit_of(number);
    }
    return set;
}

}  // namespace

signal_listener::signal_listener(signal_set wanted) : wanted_(wanted), hub_(signal_hub::of_process()) { hub_.add(*this); }

signal_listener::~signal_listener() {
    if (!hub_.is_ours()) return;
    hub_.remove(*this);
    std::lock_guard const held(hub_.lock);
    waiting.assert_empty("signals");
}

word_lock& signal_listener::lock() noexcept { return signal_hub::of_process().lock; }

int signal_listener::take() noexcept {
    if (come_ == 0) return 0;
    auto const later = last_ < signal_hub::most_signals ? come_ >> last_ << last_ : 0;
    last_ = std::countr_zero(later != 0 ? later : come_) + 1;
    come_ &= ~signal_hub::bit_of(last_);
    return last_;
}

}  // namespace detail

signals::signals(std::initializer_list<int> which)
    : listener_(std::make_unique<detail::signal_listener>(detail::set_of(which))) {}

detail::signal_listener& signals::listener() const {
    if (listener_ == nullptr) throw std::logic_error("ramie: these signals were moved from");
    return *listener_;
}

int signals::next() {
    detail::next_signal wanted(*this);
    (void)detail::obtain(wanted, {"signal", &listener()});
    return wanted.result();
}

std::optional<int> signals::try_next() {
    detail::next_signal wanted(*this);
    return detail::try_obtain(wanted) ? std::optional(wanted.result()) : std::nullopt;
}

void ctrl_c() {
    signals interrupt{SIGINT};
    (void)interrupt.next();
}

}  // namespace ramie
