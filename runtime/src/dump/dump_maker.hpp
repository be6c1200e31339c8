// A dump's text, made on a thread of its own: a fiber's stack is too small for libdw, and a worker is not to be lent to
// what a dump waits for.
#pragma once

#include "dump/report.hpp"
#include "dump/text_pipe.hpp"

#include <ramie/detail/switch/plain_thread.hpp>

#include <exception>
#include <string>

#include <pthread.h>

namespace ramie::detail {

class dump_maker {
  public:
    explicit dump_maker(dump_options const& options) {
        calling_out const not_the_fibers;
        thread_ = plain_thread([this, options] {
            ::pthread_setname_np(::pthread_self(), "ramie-dump");
            make(options);
        });
    }
    dump_maker(dump_maker const&) = delete;
    dump_maker& operator=(dump_maker const&) = delete;
    ~dump_maker() {
        pipe_.leave();
        thread_.join();
    }
    // Empty: that was all.
    std::string next() { return pipe_.read(); }

  private:
    void make(dump_options const& options) noexcept {
        try {
            report(options, pipe_).print();
            pipe_.end(nullptr);
        } catch (...) { pipe_.end(std::current_exception()); }
    }

    text_pipe pipe_;
    plain_thread thread_;
};

}  // namespace ramie::detail
