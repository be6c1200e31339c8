#include "queues/inject_queue.hpp"

#include "queues/prefetch.hpp"


namespace ramie::detail {

void inject_queue::push(task& t) noexcept {
    task_chain one;
    one.add(t);
    push(one);
}

void inject_queue::push(task_chain chain) noexcept {
    if (chain.first == nullptr) return;
    word_guard const held(lock_);
    if (tasks_.last != nullptr) tasks_.last->next = chain.first;
    else tasks_.first = chain.first;
    tasks_.last = chain.last;
    tasks_.count += chain.count;
    count_.store(tasks_.count, std::memory_order_seq_cst);  // pairs with the recheck of a worker going to sleep (idle.md)
}

task_chain inject_queue::pop(std::uint32_t most) noexcept {
    task_chain taken;
    if (count_.load(std::memory_order_relaxed) == 0) return taken;
    word_guard const held(lock_);
    while (taken.count < most) {
        auto* const t = tasks_.take();
        if (t == nullptr) break;
        prefetch_chain(*t, tasks_.first);
        taken.add(*t);
    }
    // relaxed, unlike in push(): no thread waits for fewer, and one that reads the count from before takes the lock.
    count_.store(tasks_.count, std::memory_order_relaxed);
    return taken;
}

}  // namespace ramie::detail
