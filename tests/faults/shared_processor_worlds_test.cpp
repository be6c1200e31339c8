// Worlds with less than the machine's processors: a cgroup that gives half of one, and an affinity to one. Workers are as many as can
// be kept busy.
#include "restricted_world.hpp"
#include "sanitized.hpp"

#include <ramie/detail/machine/processors.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace ramie::testing;

namespace {

bool lists(std::string names, std::string const& wanted) {
    std::ranges::replace(names, ',', ' ');
    std::istringstream words(names);
    for (std::string word; words >> word;)
        if (word == wanted) return true;
    return false;
}

// A group of this test's own, for as long as the object lives. Of the second version where its controller is given to groups there,
// else of the first; none where neither can be made.
class processor_group {
  public:
    explicit processor_group(unsigned long quota_us) {
        std::ifstream mounts("/proc/self/mountinfo");
        for (std::string line; std::getline(mounts, line);) {
            std::istringstream words(line);
            std::string word, top, type, options;
            for (int i = 0; i < 5 && words >> word; ++i) top = word;
            while (words >> word && word != "-") {}
            words >> type >> word >> options;
            bool const second = type == "cgroup2";
            if (second) {
                std::string controllers;
                std::getline(std::ifstream(top + "/cgroup.subtree_control"), controllers);
                if (!lists(controllers, "cpu")) continue;
            } else if (type != "cgroup" || !lists(options, "cpu")) {
                continue;
            }
            if (make(top + "/ramie-test-" + std::to_string(::getpid()), second, quota_us)) return;
        }
        if (why_not_.empty()) why_not_ = "no group has the cpu controller to give";
    }
    processor_group(processor_group const&) = delete;
    processor_group& operator=(processor_group const&) = delete;
    ~processor_group() {
        if (path_.empty()) return;
        // The program leaves a child behind, which may take a while to end.
        int tries = 20'000;
        while (::rmdir(path_.c_str()) != 0 && errno == EBUSY && --tries > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        CHECK_MESSAGE(tries > 0, path_ << " is left");
    }

    // In a child. It and what it executes are in the group.
    void enter() const {
        if (path_.empty()) throw no_such_world{why_not_};
        std::ofstream file(path_ + "/cgroup.procs");
        file << ::getpid() << std::flush;
        if (!file) throw no_such_world{"a process cannot be put into " + path_};
    }

  private:
    bool make(std::string const& path, bool second, unsigned long quota_us) {
        if (::mkdir(path.c_str(), 0755) != 0) {
            why_not_ = "no group can be made (" + path + ": " + std::strerror(errno) + ")";
            return false;
        }
        path_ = path;
        std::ofstream file(path + (second ? "/cpu.max" : "/cpu.cfs_quota_us"));
        file << quota_us << (second ? " 100000" : "") << std::flush;
        if (file) return true;
        why_not_ = "no quota can be set in " + path;
        ::rmdir(path.c_str());
        path_.clear();
        return false;
    }

    std::string path_, why_not_;
};

}  // namespace

TEST_CASE("worlds: with half a processor there is one worker, with one and a half there are two (forks)") {
    if (sanitized) return;
    auto const here = ramie::detail::usable_processors();
    for (auto const& [quota, workers] : {std::pair{50'000ul, 1u}, {100'000ul, 1u}, {150'000ul, 2u}}) {
        CAPTURE(quota);
        processor_group const group(quota);
        auto const end = in_world("a share of a processor", [&] { group.enter(); }, usual_case);
        if (end.skipped) return;
        CHECK_MESSAGE(end.all_well(), end.output);
        REQUIRE(end.runtimes.size() == 3);
        CHECK(end.runtimes[2].workers == std::min(workers, here));
    }
}

TEST_CASE("worlds: with one processor there is one worker (forks)") {
    if (sanitized) return;
    auto const end = in_world("one processor", [] {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(::sched_getcpu(), &one);
        if (::sched_setaffinity(0, sizeof one, &one) != 0) throw no_such_world{"no affinity can be set"};
    }, usual_case);
    if (end.skipped) return;
    CHECK_MESSAGE(end.all_well(), end.output);
    REQUIRE(end.runtimes.size() == 3);
    CHECK(end.runtimes[2].workers == 1);
}
