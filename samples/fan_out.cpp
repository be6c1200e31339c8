// fan_out: one task asks a thousand others at once, with a time limit, and aborts who is late.
#include <ramie/ramie.hpp>

#include <chrono>
#include <cstdio>
#include <vector>

using namespace std::chrono_literals;

namespace {

// Stands for a request: most answer within 50 ms, every hundredth hangs.
int ask(int number) {
    if (number % 100 == 99) ramie::this_fiber::sleep_for(1h);
    ramie::this_fiber::sleep_for(std::chrono::milliseconds(number % 50));
    return number;
}

}  // namespace

int main() {
    ramie::run([] {
        std::vector<ramie::join_handle<int>> asked;
        for (int i = 0; i < 1000; ++i) asked.push_back(ramie::spawn(ask, i));

        // One deadline for all. A thousand waits, a handful of threads.
        auto const deadline = std::chrono::steady_clock::now() + 500ms;
        int answers = 0, late = 0;
        for (auto& task : asked) {
            // An aborted task's sleep throws ramie::aborted, its destructors run, and the join says so.
            auto const answer = task.wait_until(deadline) ? task.join() : task.abort_and_join();
            ++(answer ? answers : late);
        }
        std::printf("%d answered, %d were late and were aborted\n", answers, late);
    });
}
