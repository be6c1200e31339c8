// The text of a dump.
#pragma once

#include "dump/census.hpp"
#include "dump/text_pipe.hpp"
#include "dump/wait_cycles.hpp"

#include <ramie/detail/sight/symbols.hpp>
#include <ramie/dump.hpp>

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace ramie::detail {

class report {
  public:
    report(dump_options const& options, text_pipe& to);
    void print();

  private:
    using clock = std::chrono::steady_clock;
    struct known_task {
        waiter const* who;
        task_id id;
    };
    struct gone {};  // thrown: the reader has left

    void note_all();
    void print_runtime(scheduler& s, std::size_t number);
    void print_workers(scheduler& s);
    void print_tasks(scheduler& s);
    void print_groups(census const& all);
    void print_group(census::group const& g);
    void print_line(sighting const& s);
    void print_traces();
    bool is_nameless_of_library(std::uintptr_t address, code_place const& place) const;
    void print_trace(trace_number n, std::string const& indent);
    void print_frame(std::size_t number, std::uintptr_t address, code_place const& place, std::string const& indent);
    void print_threads();
    void print_cycles();
    void print_addr2line();

    std::string state_of(sighting const& s) const;
    std::string object_of(sighting const& s) const;
    std::string time_of(sighting const& s) const;
    std::string stack_of(sighting const& s) const;
    std::string name_of(waiter const* w) const;
    std::string trace_note(sighting const& s) const;
    bool time_is_up() const noexcept { return clock::now() - began_ > options_.time_limit; }
    void flush_if_long();

    dump_options const options_;
    text_pipe& to_;
    clock::time_point const began_ = clock::now();
    std::string text_;
    std::vector<std::shared_ptr<scheduler>> const runtimes_;
    std::vector<known_task> tasks_;  // sorted by address; of the moment when the dump began
    task_watcher watcher_;
    trace_book book_;
    symbols symbols_;
    wait_cycles cycles_;
    std::set<trace_number> printed_;
    std::set<std::uintptr_t> without_names_;
    std::size_t not_looked_at_ = 0;
};

}  // namespace ramie::detail
