// Where ramie-gdb.py finds tasks, in a process that stands still or in a core: a table in the library itself, under the
// name ramie_debug_root. So the debugger needs no debug information for the library's types, which release builds, or
// those with -g1, do not have, and there is no second description of them that might be wrong.
//
// A row is a name and a number: an offset in bytes, a size, or a fact about the build. The script says which rows it
// needs; new ones may be added, and one that changes its meaning gets another name.
#pragma once

#include "scheduler.hpp"

#include <ramie/detail/ground/access.hpp>
#include <ramie/detail/stack/stack.hpp>
#include <ramie/detail/switch/switch_context.hpp>
#include <ramie/detail/task/live_table.hpp>
#include <ramie/detail/task/task.hpp>
#include <ramie/mutex.hpp>

#include <cstddef>
#include <cstdint>

namespace ramie::detail {

#pragma GCC diagnostic push
// These classes have bases and private members, but no virtual bases: both compilers know the offsets.
#pragma GCC diagnostic ignored "-Winvalid-offsetof"

struct debug_layout {
    struct row {
        char name[32];
        std::uint64_t value;
    };

    static constexpr row rows[] = {
        {"scheduler.workers", offsetof(scheduler, workers)},
        {"scheduler.live", offsetof(scheduler, live)},
        {"scheduler.regular_workers", offsetof(scheduler, options) + offsetof(settings, workers)},
        {"crew.all", offsetof(crew, all_)},
        {"crew.size", offsetof(crew, size_)},
        {"worker.current", offsetof(worker, current)},
        {"worker.thread", offsetof(worker, thread_)},
        {"worker.index", offsetof(worker, index)},
        {"live_table.chunks", offsetof(live_table, chunks_)},
        {"chunk.size", sizeof(live_table::slot_chunk)},
        {"chunk.slots", offsetof(live_table::slot_chunk, slots)},
        {"chunk.slot_count", live_table::chunk_size},
        {"slot.size", sizeof(live_table::slot)},
        {"task.state", offsetof(task, state)},
        {"task.reason", offsetof(task, reason)},
        {"task.object", offsetof(task, object)},
        {"task.id", offsetof(task, id_)},
        {"task.name", offsetof(task, name_)},
        {"task.where", offsetof(task, where_)},
        {"task.stack", offsetof(task, stack)},
        {"task.context", offsetof(task, context)},
        {"task.last_lane", offsetof(task, last_lane)},
        {"task.pinned", offsetof(task, pinned)},
        {"task.runs", offsetof(task, runs)},
        {"stack.top", offsetof(stack, top)},
        {"stack.bottom", offsetof(stack, bottom)},
        {"mutex.holder", access::offset_of_holder<mutex>()},
        {"inline_switch", RAMIE_INLINE_SWITCH},
        {"", 0},
    };
};

#pragma GCC diagnostic pop

struct debug_root {
    char mark[8];
    void const* runtimes;  // a std::vector<std::weak_ptr<scheduler>>*
    debug_layout::row const* rows;
};

}  // namespace ramie::detail
