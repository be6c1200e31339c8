// Tasks that are only passed round: nobody looks into them. Each must be got once, and with what was written before it was put.
#pragma once

#include <model/atomic.hpp>
#include <model/explore.hpp>

#include <array>
#include <cstddef>

namespace ramie::detail {
class task;
}

namespace ramie::model {

struct passed_tasks {
    std::array<std::array<std::byte, 8>, 6> places{};
    std::array<int, 6> data{};  // written before a task is put, read by whoever gets it
    std::array<atomic<int>, 6> got{};

    detail::task* make(std::size_t i) {
        data[i] = 1;
        return reinterpret_cast<detail::task*>(places[i].data());
    }
    void take(detail::task* t) {
        if (t == nullptr) return;
        auto const i = static_cast<std::size_t>(reinterpret_cast<std::byte*>(t) - places[0].data()) / 8;
        require(data[i] == 1, "the task is not there yet");
        data[i] = 2;
        require(got[i].fetch_add(1, std::memory_order_relaxed) == 0, "a task is got twice");
    }
    void all_got(std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) require(got[i].load(std::memory_order_relaxed) == 1, "a task is lost");
    }
};

}  // namespace ramie::model
