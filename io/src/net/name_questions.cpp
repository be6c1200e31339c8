#include "net/name_questions.hpp"

#include <ramie/detail/task/after.hpp>
#include <ramie/detail/task/carrier.hpp>
#include <ramie/detail/wait/line_up.hpp>
#include <ramie/spawn_blocking.hpp>

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>

#include <sys/socket.h>

namespace ramie::detail {

// Written by the jobs, read by the asker.
struct name_questions::answers {
    word_lock lock;
    // All under the lock.
    std::array<std::optional<found_addresses>, questions> of;
    std::array<std::optional<time_point>, questions> begun;
    bool is_news = false;  // an answer came since the last look
    wait_queue asker;
};

// Always answers: if the pool drops a job that has not run, the destructor does.
class name_questions::look_up_job {
  public:
    look_up_job(std::shared_ptr<answers> to, question q, std::string host, std::uint16_t port)
        : to_(std::move(to)), question_(q), host_(std::move(host)), port_(port) {}
    look_up_job(look_up_job&&) noexcept = default;
    look_up_job& operator=(look_up_job&&) = delete;
    ~look_up_job() {
        if (to_ != nullptr) answer(std::unexpected(std::make_error_code(std::errc::operation_canceled)));
    }

    void operator()() {
        {
            std::lock_guard const held(to_->lock);
            to_->begun[question_] = carrier::now();
        }
        try {
            answer(look_up(host_, port_, question_ == of_both ? AF_UNSPEC : question_ == of_v4 ? AF_INET : AF_INET6));
        } catch (std::bad_alloc const&) { answer(std::unexpected(std::make_error_code(std::errc::not_enough_memory))); }
    }

  private:
    void answer(found_addresses found) noexcept {
        woken_list woken;
        auto const to = std::exchange(to_, nullptr);
        std::lock_guard const held(to->lock);
        to->of[question_] = std::move(found);
        to->is_news = true;
        to->asker.claim_all(woken);
    }

    std::shared_ptr<answers> to_;
    question question_;
    std::string host_;
    std::uint16_t port_;
};

name_questions::name_questions(std::string host, std::uint16_t port, int family, std::chrono::nanoseconds patience)
    : host_(std::move(host)),
      port_(port),
      family_(family),
      patience_(patience),
      answers_(std::make_shared<answers>()),
      look_again_(after(patience)) {
    ask(of_both);
}

name_questions::~name_questions() {
    give_up();
}

void name_questions::give_up() noexcept {
    for (auto& each : jobs_) {
        if (each.valid()) each.abort();
    }
}

bool name_questions::wants(question q) const noexcept {
    return q == of_both || family_ == AF_UNSPEC || family_ == (q == of_v4 ? AF_INET : AF_INET6);
}

void name_questions::ask(question q) {
    try {
        jobs_[q] = spawn_blocking_in<blocking_share::names>(look_up_job(answers_, q, host_, port_));
    } catch (std::system_error const& no_thread) {
        std::lock_guard const held(answers_->lock);
        answers_->of[q] = std::unexpected(no_thread.code());
        answers_->is_news = true;
    }
}

void name_questions::hear(question q, found_addresses const& answer, std::vector<endpoint>& known) {
    heard_[q] = true;
    if (!answer) {
        if (q == of_both) error_ = answer.error();
        return;
    }
    if (q == of_both) error_ = std::make_error_code(std::errc::address_family_not_supported);  // if none is wanted
    for (auto const& each : *answer) {
        if (family_ != AF_UNSPEC && each.family() != family_) continue;
        found_ = true;
        if (std::ranges::find(known, each) == known.end()) known.push_back(each);
    }
}

bool name_questions::is_time_to_ask_each() noexcept {
    auto const now = carrier::now();
    if (look_again_ > now) return false;
    // While that look-up still waits for a thread, two more would only wait behind it.
    auto const& begun = answers_->begun[of_both];
    look_again_ = begun ? *begun + patience_ : after(patience_);
    if (look_again_ > now) return false;
    look_again_ = never;
    return true;
}

void name_questions::look(std::vector<endpoint>& known) {
    if (over_) return;
    bool ask_each = false;
    {
        std::lock_guard const held(answers_->lock);
        answers_->is_news = false;
        for (auto const q : {of_both, of_v6, of_v4}) {
            if (auto const& answer = answers_->of[q]; answer && !heard_[q]) hear(q, *answer, known);
        }
        over_ = heard_[of_both] || (found_ && (heard_[of_v4] || !wants(of_v4)) && (heard_[of_v6] || !wants(of_v6)));
        ask_each = !over_ && is_time_to_ask_each();
    }
    if (over_) {
        look_again_ = never;
        give_up();
    }
    for (auto const q : {of_v6, of_v4}) {
        if (ask_each && wants(q)) ask(q);
    }
}

enlisting name_questions::enlist(waiter& self, std::uint64_t g) {
    std::lock_guard const held(answers_->lock);
    if (answers_->is_news) return claim_for_itself(self, g) ? enlisting::won : enlisting::lost;
    node_.emplace(self, g);
    answers_->asker.push_back(*node_);
    return enlisting::queued;
}

void name_questions::withdraw() noexcept {
    if (!node_) return;
    leave_line(answers_->asker, answers_->lock, *node_);
    node_.reset();
}

}  // namespace ramie::detail
