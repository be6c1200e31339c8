// pipeline_fibers [ITEMS [STAGES [PAUSE_MS [BAD_ITEM]]]]: stages and bounded channels; one that fails ends all.
//
// To be read beside pipeline_coroutines.cpp.

#include "steps.hpp"

#include <ramie/ramie.hpp>

#include <cstdint>
#include <utility>

namespace {

using pipeline::item;
using pipeline::plan;

void produce(plan const& p, ramie::sender<item> out) {
    for (std::uint64_t number = 1; number <= p.items; ++number) {
        if (number > 1 && p.pause.count() > 0) ramie::this_fiber::sleep_for(p.pause);
        if (!out.send({number, number})) return;
    }
}

void stage(std::uint64_t place, plan const& p, ramie::receiver<item> in, ramie::sender<item> out) {
    for (auto& i : in) {
        pipeline::work_on(i, place, p);
        if (!out.send(i)) return;
    }
}

// A failing stage's exception aborts the others and comes out of here.
std::uint64_t run(plan const& p) {
    return ramie::with_scope([&](ramie::scope& stages) {
        auto [first, last] = ramie::channel<item>(pipeline::room);
        stages.spawn([&p, out = std::move(first)]() mutable { produce(p, std::move(out)); }).detach();
        for (std::uint64_t place = 1; place <= p.stages; ++place) {
            auto [out, next] = ramie::channel<item>(pipeline::room);
            stages.spawn([&p, place, from = std::move(last), to = std::move(out)]() mutable {
                stage(place, p, std::move(from), std::move(to));
            }).detach();
            last = std::move(next);
        }
        std::uint64_t checksum = 0;
        for (auto const& i : last) checksum = pipeline::added(checksum, i);
        return checksum;
    });
}

}  // namespace

int main(int argc, char** argv) {
    return pipeline::report(pipeline::plan_from(argc, argv),
                            [](plan const& p) { return ramie::run([&] { return run(p); }); });
}
