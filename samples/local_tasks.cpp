// local_tasks: tasks on one thread that share plain data, no lock anywhere; spawn_local is the promise that makes it safe.
#include <ramie/ramie.hpp>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace {

// Counts visits by page. Not thread-safe, and need not be.
class counter {
  public:
    void visit(std::string const& page) { ++pages_[page]; }
    void print() const {
        for (auto const& [page, visits] : pages_) std::printf("%s: %d\n", page.c_str(), visits);
    }

  private:
    std::map<std::string, int> pages_;
};

void serve_locally() {
    counter visits;
    std::vector<ramie::join_handle<void>> visitors;
    for (int i = 0; i < 30; ++i) {
        visitors.push_back(ramie::spawn_local([&visits, i] {
            visits.visit("/");
            ramie::this_fiber::sleep_for(std::chrono::milliseconds(1));  // others come in here, and only at such points
            visits.visit(i % 3 == 0 ? "/help" : "/news");
        }));
    }
    for (auto& v : visitors) v.get();
    visits.print();
}

}  // namespace

int main() {
    // Pinned: this task and what it spawns locally stay on one of the workers, the others are free for other work.
    ramie::run([] { ramie::spawn({.pinned = true}, serve_locally).get(); });
}
