// deadline_batch: a set of tasks with a time budget for all of them; what is not done by then is aborted.
#include <ramie/ramie.hpp>

#include <cstdio>

using namespace std::chrono_literals;

int main() {
    ramie::run([] {
        ramie::join_set<int> batch;
        for (int i = 0; i < 20; ++i) {
            batch.spawn([i] {
                ramie::this_fiber::sleep_for(i < 15 ? std::chrono::milliseconds(i) : 1h);
                return i;
            });
        }

        // Results come in the order in which tasks finish. The timeout covers the waiting, not the tasks.
        int done = 0;
        auto const in_time = ramie::timeout(300ms, [&] {
            while (auto result = batch.join_next()) done += result->has_value() ? 1 : 0;
        });
        std::printf("%d of 20 done, %s\n", done, in_time ? "all in time" : "the time is up");

        batch.abort_all();
        int cancelled = 0;
        for (auto const& result : batch.join_all()) cancelled += !result && result.error().is_cancelled() ? 1 : 0;
        std::printf("%d aborted\n", cancelled);
    });
}
