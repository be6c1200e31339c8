"""What weaken.py breaks in the sources: re-checks, and other steps that an argument rests on. Each has the model that must fail."""
from collections import namedtuple

Break = namedtuple("Break", "file what old new model")


def deleted(file, what, old, model):
    return Break(file, what, old, "", model)


ALL = [
    # --- fibers ---
    deleted("fibers/src/join/join.cpp", "a joiner that gave up too late does not wait for the finisher",
            """        wait_for_finisher(t);
        return true;
""", "join"),
    deleted("fibers/src/join/join.cpp", "a select does not wait for the finisher",
            "    wait_for_finisher(t);\n    return t.joiner_served;", "join")._replace(new="    return t.joiner_served;"),
    Break("fibers/src/task/task.cpp", "a select's slot is not cleared if it was won",
          "if (won == task_state::claim_result::lost || selects) {", "if (won == task_state::claim_result::lost || (selects && false)) {", "join"),
    Break("fibers/src/task/task.cpp", "the end note is told after the joiner may go on",
          """    if (ops_->tell_end != nullptr) ops_->tell_end(*this);
    return state.told();""",
          """    auto const end = state.told();
    if (ops_->tell_end != nullptr) ops_->tell_end(*this);
    return end;""", "join"),
    Break("fibers/src/wait/thread_waiter.cpp", "a thread whose time is up does not ask whether it was claimed",
          "if (state.claim(g, task_state::outcome::deadline) != task_state::claim_result::lost) break;",
          "(void)state.claim(g, task_state::outcome::deadline); break;", "thread_waiter"),
    Break("fibers/include/ramie/detail/fence/asymmetric_gate.hpp", "a gate whose membarrier is refused does not wait",
          "if (was == state::open && !fence_every_thread()) [[unlikely]] wait_for_store_buffers();",
          "if (was == state::open) (void)fence_every_thread();", "asymmetric_gate"),
    deleted("fibers/include/ramie/detail/fence/asymmetric_gate.hpp", "a gate is closed without membarrier",
            "        if (was == state::open && !fence_every_thread()) [[unlikely]] wait_for_store_buffers();\n", "asymmetric_gate"),
    Break("fibers/include/ramie/detail/fence/asymmetric_gate.hpp", "one that passes without membarrier does not look again",
          "        return state_.load(std::memory_order_acquire) != state::closed;", "        return true;", "asymmetric_gate"),
    deleted("fibers/src/blocks/block_depot.cpp", "a slab that serves stays among the idle ones",
            "        idle_.remove(slab);\n        serving_.push_back(slab);\n".split("\n")[0] + "\n", "block_depot"),
    Break("fibers/src/blocks/block_depot.cpp", "a slab with one block in use counts as idle",
          "        if (!slab.idle()) continue;", "        if (slab.used() > 1) continue;", "block_depot"),
    deleted("fibers/src/blocks/block_depot.cpp", "a new slab is not counted", "    ++slabs_;\n", "block_depot"),
    Break("fibers/src/stack/stack_depot.cpp", "a slab with one stack in use counts as idle",
          "    if (slab.used() == 0) return idle_shelf;", "    if (slab.used() <= 1) return idle_shelf;", "stack_depot"),
    Break("fibers/src/stack/stack_slab.cpp", "slots that are cooled do not count as used",
          "    used_ += tail.count;\n", "", "stack_depot"),
    Break("fibers/src/sync/mutex.cpp", "one that comes does not look again under the lock",
          """        if (is_free()) {
            take();
            return true;
        }
        detail::wait_node node(self);""", "        detail::wait_node node(self);", "mutex"),
    Break("fibers/src/sync/mutex.cpp", "try_lock does not look again under the lock",
          "    bool const free = is_free();", "    bool const free = true;", "mutex"),
    # --- runtime ---
    deleted("runtime/src/sleep/idle.cpp", "one that is listed leaves the gate of posts open",
            "        if (!all_awake_.is_closed()) all_awake_.close();  // pairs with pass() in wake_for_work()\n", "idle"),
    Break("runtime/src/sleep/idle.cpp", "the gate of posts is opened while one is listed",
          "if (listed_.empty() && now", "if (now", "idle"),
    Break("runtime/src/queues/inject_queue.cpp", "it says that something is there before it is",
          """    word_guard const held(lock_);
    if (tasks_.last != nullptr) tasks_.last->next = chain.first;""",
          """    if (tasks_.last != nullptr) tasks_.last->next = chain.first;""", "inject_queue"),
    deleted("runtime/src/queues/inject_queue.cpp", "a push does not say that something is there",
            "    count_.store(tasks_.count, std::memory_order_seq_cst);  // pairs with the recheck of a worker going to sleep (idle.md)\n",
            "inject_queue"),
    Break("runtime/src/queues/run_ring.hpp", "a thief does not look whether head_ moved between its two reads",
          "            if (available > capacity) {  // head_ moved on between the two reads",
          "            if (false) {", "run_ring"),
    Break("runtime/src/queues/task_deque.cpp", "the owner takes the last entry without asking",
          "        if (first < b) return taken;", "        if (first <= b) return taken;", "task_deque"),
    Break("runtime/src/queues/task_deque.cpp", "a thief that reads null does not look for the present buffer",
          "    while (taken == nullptr) [[unlikely]] {", "    if (taken == nullptr) return nullptr;\n    while (false) {", "task_deque"),
    Break("runtime/src/sleep/driver_seat.hpp", "a worker does not look again at the deadlines after it has said how long it sleeps",
          "if (first_deadline() >= until) return until;", "return until;", "driver_seat"),
    deleted("runtime/src/sleep/driver_seat.hpp", "the driver is taken by two",
            " && !taken_.exchange(true, std::memory_order_acquire)", "driver_seat"),
    deleted("runtime/src/sleep/parker.cpp", "a token in the driver does not interrupt it",
            "        case in_driver: d.interrupt(); break;\n", "driver_seat"),
    Break("runtime/src/sleep/parker.cpp", "a token that comes as the worker falls asleep is not seen",
          "state_.compare_exchange_strong(expected, on_futex, std::memory_order_relaxed)",
          "(state_.store(on_futex, std::memory_order_release), true)", "parker"),
    deleted("runtime/src/standins/rest_word.hpp", "the monitor does not look again once it says that it rests",
            "        if (!none_moves()) (void)watches_again();\n", "rest_word"),
    Break("runtime/src/standins/rest_word.hpp", "the monitor rests though it is stopped",
          "if (!word_.compare_exchange_strong(expected, resting, std::memory_order_seq_cst, std::memory_order_relaxed)) return;",
          "(void)word_.compare_exchange_strong(expected, resting, std::memory_order_seq_cst, std::memory_order_relaxed);\n"
          "        word_.store(resting, std::memory_order_seq_cst);", "rest_word"),
    Break("runtime/src/standins/spare_crew.cpp", "a spare looks which call it waits for after it has given up the lock",
          """        auto const seen = s.calls.load(std::memory_order_relaxed);
        held.unlock();""",
          """        held.unlock();
        auto const seen = s.calls.load(std::memory_order_relaxed);""", "spare_crew"),
    deleted("runtime/src/standins/spare_crew.cpp", "a spare does not look whether the runtime stops",
            " && !home_.stopping.load(std::memory_order_relaxed)", "spare_crew"),
    Break("runtime/src/standins/spare_crew.cpp", "the only worker is alone again without a second look",
          "if (!held.owns_lock() || active() > 0 || wanted() > 0) return false;", "if (!held.owns_lock()) return false;",
          "spare_crew"),
    deleted("runtime/src/standins/spare_crew.cpp", "a spare comes before the only worker is in company",
            "    if (!home_.workers[0].alone.end()) return;  // the monitor asks again\n", "spare_crew"),
    Break("runtime/src/blocking/blocking_pool.cpp", "a thread that arrives does not call the next",
          """            queued_.store(jobs_.count, std::memory_order_relaxed);
            auto const wanted = jobs_.count > 0 && on_way_ == 0 ? choose() : call{};""",
          """            queued_.store(jobs_.count, std::memory_order_relaxed);
            auto const wanted = call{};""", "blocking_pool"),
    deleted("runtime/src/blocking/blocking_pool.cpp", "a thread whose time is up does not look whether it was called",
            "        if (self.called.load(std::memory_order_relaxed) != 0) return true;\n", "blocking_pool"),
    Break("runtime/src/blocking/blocking_pool.cpp", "a thread that was refused stays counted as on its way",
          "        --on_way_;\n        if (jobs_.first != nullptr", "        if (jobs_.first != nullptr", "blocking_pool"),
    Break("runtime/src/ending.hpp", "a spawn does not look whether it came too late",
          "{ return !spawns_.pass(); }", "{ return false; }", "ending"),
    Break("runtime/src/ending.hpp", "the end does not wait for posts",
          "while (foreign_posts_.load(std::memory_order_acquire) != 0) give_processor_away();", "", "ending"),
    Break("runtime/src/ending.hpp", "the end looks whether all is over before it notes what has ended",
          """            auto const seen = ended_.load(std::memory_order_acquire);
            if (is_over()) return true;""",
          """            if (is_over()) return true;
            auto const seen = ended_.load(std::memory_order_acquire);""", "ending"),
    # --- io ---
    deleted("io/src/ready/registration.cpp", "a reader does not look again under the lock",
            """    if ((word_.load(std::memory_order_relaxed) & goes_on) != 0) {
        lock_.unlock();
        return;
    }
    last_""".rsplit("\n", 1)[0] + "\n", "registration"),
    Break("io/src/ready/registration.cpp", "a report that came since the look is cleared with the old one",
          "    while (((w ^ noted.word_) & must_agree) == 0) {", "    for (;;) {", "registration"),
    deleted("io/src/lot/parking_lot.cpp", "a woken fiber's place stays told",
            "        place_.told = false;\n", "parking_lot"),
    deleted("io/src/lot/parking_lot.cpp", "a wake that came after the last try is not passed on",
            "        if (told_in_vain) (void)wake(w_.address, w_.shared ? lot_wake::group : lot_wake::one);\n", "parking_lot"),
    Break("io/src/lot/parking_lot.cpp", "a leaving holder is not looked for",
          "if (w_.owner != nullptr && is_being_left()) {", "if (w_.owner == nullptr && is_being_left()) {", "parking_lot"),
    Break("io/src/lot/parking_lot.cpp", "a fiber tries before it takes its place, and not again",
          "            auto const got = may_try() ? w_.attempt(w_.argument) : static_cast<int>(lot_wait::again);",
          "            auto const got = was_woken && may_try() ? w_.attempt(w_.argument) : static_cast<int>(lot_wait::again);",
          "parking_lot"),
]
