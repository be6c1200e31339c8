// An unbounded first-in-first-out queue to which any thread may push: for spawns and wakes from foreign threads, for
// tasks that overflow a ring, and (one per worker) for tasks that must run there. It links the tasks themselves, so it
// never allocates.
//
// A task in here may be aborted before it started; its entry is stale then, and popping the entry frees the task. A
// joiner must not claim it, because a claimed task can be queued again while its stale entry still uses the link.
#pragma once

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/task/task.hpp>

namespace ramie::detail {

// Tasks linked through task::next.
struct task_chain {
    task* first = nullptr;
    task* last = nullptr;
    std::uint32_t count = 0;
    void add(task& t) noexcept {
        t.next = nullptr;
        if (last != nullptr) last->next = &t;
        else first = &t;
        last = &t;
        ++count;
    }
    task* take() noexcept {
        auto* const t = first;
        if (t == nullptr) return nullptr;
        first = t->next;
        if (first == nullptr) last = nullptr;
        --count;
        return t;
    }
};

class inject_queue {
  public:
    void push(task& t) noexcept;
    void push(task_chain chain) noexcept;
    // The oldest tasks, `most` at most.
    task_chain pop(std::uint32_t most) noexcept;
    task* pop() noexcept { return pop(1).first; }
    // All tasks for which `chosen(task&)` is true; the others stay in their order.
    template <class Chosen>
    task_chain take_if(Chosen chosen) noexcept {
        task_chain taken, left;
        lock_.lock();
        while (auto* const t = tasks_.take()) (chosen(*t) ? taken : left).add(*t);
        tasks_ = left;
        count_.store(tasks_.count, std::memory_order_relaxed);  // as in pop()
        lock_.unlock();
        return taken;
    }
    std::uint32_t size() const noexcept { return count_.load(std::memory_order_seq_cst); }

  private:
    word_lock lock_;
    task_chain tasks_ RAMIE_GUARDED_BY(lock_);
    atomic<std::uint32_t> count_{0};
};

}  // namespace ramie::detail
