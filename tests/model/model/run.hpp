// One run of a model.
#pragma once

#include "decisions.hpp"
#include "explore.hpp"
#include "memory.hpp"
#include "threads.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace ramie::model {

class run {
  public:
    run(bounds, decisions&, bool tells);
    run(run const&) = delete;
    run& operator=(run const&) = delete;
    ~run();

    // From the set-up to the end, or to the first failure.
    void go(std::function<void()> const& model);
    // Empty: all held, or it was given up, since another run differs only in steps that do not touch each other.
    std::string const& failure() const noexcept { return failure_; }
    std::string const& story() const noexcept { return story_; }
    unsigned steps() const noexcept { return steps_; }

    // --- for its threads ---
    static run* current() noexcept;  // null: none, or the checker itself is at work
    static run& here() noexcept;
    model_thread& self() noexcept { return threads_[static_cast<std::size_t>(running_)]; }
    memory& mem() noexcept { return memory_; }
    // In the set-up.
    void add_thread(std::function<void()> body);
    // While it runs: what the caller has done so far happens before it. Returns its number.
    unsigned start_thread(std::function<void()> body);
    // Waits for its end; all that it did happens before that.
    void join_thread(unsigned number);
    void at_the_end(std::function<void()> body) { last_ = std::move(body); }
    unsigned choose(unsigned n) { return decisions_.choose(n); }
    // Which store a load reads, counted from the newest.
    unsigned choose_store(unsigned n);
    // Stops the calling thread until it is to take this step.
    void before(step);
    // What it does to plain memory from here on comes after the step.
    void after() { self().tick(); }
    // Stops it in a state in which it cannot go on by itself.
    void stop(model_thread::doing) noexcept;
    unsigned wake_one(void const* futex);
    void fence_everywhere();
    // As by a lock at that address.
    void synchronise(void const* at);
    std::chrono::steady_clock::time_point now{std::chrono::hours(1)};  // stands still, but for limits of time that pass
    std::size_t stacks_mapped = 0;  // bytes
    bool refuses_threads = false;  // the system may, in this run
    bool has_no_limits = false;    // of waits
    // The set-up, or the end: the only thread that runs, and all that was done before happens before what it does.
    bool is_alone() const noexcept { return running_ == 0; }
    [[noreturn]] void fail(std::string what);
    void tell(std::string const& what);
    bool tells() const noexcept { return tells_; }

  private:
    static void thread_main(void* from);
    void resume(model_thread&);
    void leave() noexcept;
    bool may_go_on(model_thread const&) const noexcept;
    bool schedule();
    void run_alone(std::function<void()> const& body, bool sees_all);
    std::vector<unsigned> candidates();
    std::string who_waits() const;

    bounds const bounds_;
    decisions& decisions_;
    bool const tells_;
    memory memory_;
    std::vector<model_thread> threads_;
    std::function<void()> last_;
    int running_ = 0;
    void* home_ = nullptr;
    unsigned steps_ = 0, preemptions_ = 0, old_reads_ = 0, rounds_in_vain_ = 0, time_outs_ = 0;
    std::uint64_t stores_when_in_vain_ = 0;
    std::vector<bool> asleep_;  // the sleep set: threads whose next step was tried before and is touched by nothing since
    std::string failure_, story_;
    std::vector<stack_memory> stacks_;
    std::unordered_map<void const*, view> met_at_;
};

// While one lives the checker is at work: nothing it does is looked at.
class at_work {
  public:
    at_work() noexcept;
    at_work(at_work const&) = delete;
    ~at_work();

  private:
    bool before_;
};

}  // namespace ramie::model
