#include "threads.hpp"

namespace ramie::model {

bool step::touches(step const& other) const noexcept {
    using enum kind;
    if (what == begin || other.what == begin || what == join || other.what == join) return false;
    if (what == barrier || other.what == barrier) return true;
    if (seq_cst && other.seq_cst) return true;
    if (what == wait_for_change || other.what == wait_for_change) return writes() || other.writes();
    return object != nullptr && object == other.object && (writes() || other.writes());
}

stack_memory::stack_memory() : bytes_(std::make_unique_for_overwrite<std::byte[]>(size)) {}
stack_memory::~stack_memory() = default;
void* stack_memory::top() const noexcept { return bytes_.get() + size; }

}  // namespace ramie::model
