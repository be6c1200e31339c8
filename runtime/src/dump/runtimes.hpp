// The runtimes of this process, for what looks at all of them.
#pragma once

#include <memory>
#include <vector>

namespace ramie::detail {

class scheduler;

// From its start to its end.
void note_runtime(std::shared_ptr<scheduler> const& s);
// Those that are there now; they stay while they are in the result.
std::vector<std::shared_ptr<scheduler>> all_runtimes();

}  // namespace ramie::detail
