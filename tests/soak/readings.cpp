#include "readings.hpp"

#include "failing_new.hpp"
#include "tracked.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ramie::soak {

namespace {

long entries_of(char const* path) {
    return static_cast<long>(std::distance(std::filesystem::directory_iterator(path), std::filesystem::directory_iterator()));
}

long lines_of(char const* path) {
    std::ifstream in(path);
    return static_cast<long>(std::count(std::istreambuf_iterator(in), {}, '\n'));
}

long resident_kib() {
    ::malloc_trim(0);  // what was given back to malloc is no leak
    std::ifstream in("/proc/self/statm");
    long all = 0, in_memory = 0;
    in >> all >> in_memory;
    return in_memory * (::sysconf(_SC_PAGESIZE) / 1024);
}

// Of all threads, zombies too.
long children_left() {
    long n = 0;
    for (std::filesystem::directory_iterator each("/proc/self/task"), none; each != none; ++each) {
        std::ifstream of(each->path() / "children");
        for (long pid; of >> pid;) ++n;
    }
    return n;
}

}  // namespace

readings readings::of(runtime const& rt) {
    readings now;
    auto const set = [&](int which, long value) { now.all_[static_cast<std::size_t>(which)].value = value; };
    auto const metrics = rt.metrics();
    set(resident, resident_kib());
    auto const malloced = ::mallinfo2();
    set(heap, static_cast<long>((malloced.uordblks + malloced.hblkhd) / 1024));
    set(new_blocks, testing::blocks_alive());
    set(descriptors, entries_of("/proc/self/fd") - 1);
    set(maps, lines_of("/proc/self/maps"));
    set(threads, entries_of("/proc/self/task"));
    set(children, children_left());
    set(tasks, static_cast<long>(metrics.live_tasks));
    set(values, static_cast<long>(testing::tracked::alive()));
    set(stacks, static_cast<long>(metrics.stacks.live));
    set(slabs, static_cast<long>(metrics.stacks.slabs));
    return now;
}

std::string readings::beyond(readings const& base) const {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
        auto const& was = base.all_[i];
        auto const most = was.value + std::max(was.slack, was.value / 20);
        if (all_[i].value > most)
            text += std::string(text.empty() ? "" : ", ") + was.name + " " + std::to_string(all_[i].value) + ", at most " + std::to_string(most);
    }
    return text;
}

std::string readings::line() const {
    std::string text;
    for (auto const& each : all_) text += " " + std::to_string(each.value) + " |";
    return text;
}

std::string readings::head() {
    std::string text;
    for (auto const& each : readings().all_) text += std::string(" ") + each.name + " |";
    return text;
}

}  // namespace ramie::soak
