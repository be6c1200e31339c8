// shared_state: a map behind a mutex, a condition to wait for, and no std:: lock that would block the worker.
#include <ramie/ramie.hpp>

#include <cstdio>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace {

class stock {
  public:
    void add(std::string const& item, int count) {
        {
            std::lock_guard const held(lock_);
            items_[item] += count;
        }
        more_.notify_all();
    }

    // Waits until there are enough.
    void take(std::string const& item, int count) {
        std::unique_lock held(lock_);
        more_.wait(held, [&] { return items_[item] >= count; });
        items_[item] -= count;
    }

    int count(std::string const& item) {
        std::lock_guard const held(lock_);
        return items_[item];
    }

  private:
    ramie::mutex lock_;  // parks the task, not the thread, and may be held over a wait
    ramie::condition_variable more_;
    std::map<std::string, int> items_;
};

}  // namespace

int main() {
    ramie::run([] {
        stock apples;
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 10; ++i) tasks.push_back(ramie::spawn([&] { apples.take("apple", 7); }));
        for (int i = 0; i < 75; ++i) tasks.push_back(ramie::spawn([&] { apples.add("apple", 1); }));
        for (auto& t : tasks) t.get();
        std::printf("%d apples left\n", apples.count("apple"));
    });
}
