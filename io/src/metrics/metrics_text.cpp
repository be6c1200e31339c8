#include <ramie/metrics_text.hpp>

#include <ramie/runtime.hpp>

#include <initializer_list>
#include <string_view>
#include <utility>

namespace ramie {

namespace {

// One value; `labels` with its braces, or nothing.
struct sample {
    std::string_view labels;
    std::uint64_t value;
};

class exposition {
  public:
    void gauge(std::string_view name, std::string_view help, std::initializer_list<sample> samples) {
        family(name, help, "gauge", samples);
    }
    void gauge(std::string_view name, std::string_view help, std::uint64_t value) { gauge(name, help, {{"", value}}); }
    void counter(std::string_view name, std::string_view help, std::uint64_t value) {
        family(name, help, "counter", {{"", value}});
    }
    std::string text;

  private:
    void family(std::string_view name, std::string_view help, std::string_view kind, std::initializer_list<sample> samples) {
        text.append("# HELP ramie_").append(name).append(" ").append(help);
        text.append("\n# TYPE ramie_").append(name).append(" ").append(kind);
        for (auto const& each : samples)
            text.append("\nramie_").append(name).append(each.labels).append(" ").append(std::to_string(each.value));
        text.append("\n");
    }
};

}  // namespace

std::string metrics_text() {
    return metrics_text(runtime_handle::current().metrics(), io_statistics());
}

std::string metrics_text(runtime_metrics const& of, io_metrics const& io) {
    exposition out;
    out.gauge("workers", "Worker threads, without spares.", of.workers);
    out.gauge("spare_workers", "Threads that stand in for workers whose task blocks.", of.spare_workers);
    out.gauge("tasks_live", "Tasks that were spawned and have not finished, blocking jobs included.", of.live_tasks);
    out.gauge("tasks_queued", "Tasks that could run and wait for a worker.",
              {{"{queue=\"workers\"}", of.queued}, {"{queue=\"injection\"}", of.injected}});
    out.counter("picks_total", "How often a worker took a task, or looked for one.", of.picks);
    out.counter("yields_total", "How often a task let others run.", of.yields);
    out.counter("steals_total", "Tasks that a worker took from another worker.", of.steals);
    out.counter("worker_sleeps_total", "How often a worker fell asleep because there was nothing to do.", of.worker_sleeps);
    out.counter("stalls_total", "How often a worker was found stuck in one task while work waited.", of.stalls);
    out.gauge("blocking_threads", "Threads of the blocking pool.", of.blocking_threads);
    out.gauge("blocking_jobs_queued", "Jobs that wait for a thread of the blocking pool.", of.blocking_queued);
    out.gauge("blocking_calls_abandoned", "Calls whose task gave them up, and which still keep a thread.",
              of.blocking_left_behind);
    auto const& s = of.stacks;
    out.gauge("stacks", "Stacks of all runtimes of the process, by what they are used for.",
              {{"{state=\"live\"}", s.live}, {"{state=\"cached\"}", s.cached}, {"{state=\"idle\"}", s.idle},
               {"{state=\"fresh\"}", s.fresh}});
    out.gauge("stacks_guarded", "Stacks by what guards them; none: raise vm.max_map_count.",
              {{"{guard=\"madvise\"}", s.guarded_madvise}, {"{guard=\"mprotect\"}", s.guarded_mprotect},
               {"{guard=\"none\"}", s.unguarded}});
    out.gauge("stacks_wide", "Stacks below which a frame of 1 MiB meets no other stack.", s.wide);
    out.gauge("stack_mapped_bytes", "Address space, not memory, that is mapped for stacks.", s.bytes_mapped);
    out.gauge("stack_slabs", "Pieces of address space that stacks are cut from.", s.slabs);
    out.counter("stack_trims_total", "Calls that gave pages of a stack back.", s.madvise_trims);
    out.counter("stack_slabs_unmapped_total", "Slabs that were given back.", s.slabs_unmapped);
    out.counter("accept_pauses_total", "How often accepting waited because of a shortage of descriptors or memory.",
                io.accept_pauses);
    return std::move(out.text);
}

}  // namespace ramie
