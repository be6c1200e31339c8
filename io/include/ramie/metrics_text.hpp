// A runtime's figures as Prometheus reads them (its text format, version 0.0.4).
//
//     client.write_all("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\r\n" + ramie::metrics_text());
//
// All names begin with ramie_; what only grows ends in _total; sizes are in bytes. Each says in its HELP line what it counts.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/io_metrics.hpp>
#include <ramie/runtime_metrics.hpp>

#include <string>

namespace ramie {

// Of the runtime that the caller belongs to, or that runs (as runtime_handle::current()), and of the process's input and
// output. no_runtime; std::bad_alloc. From fibers and plain threads; no suspension point. Stops no thread; takes some
// microseconds.
[[nodiscard]] RAMIE_API std::string metrics_text();
// Of figures read before.
[[nodiscard]] RAMIE_API std::string metrics_text(runtime_metrics const& of, io_metrics const& io);

}  // namespace ramie
