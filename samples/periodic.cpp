// periodic: something done at a steady pace, until a token asks it to stop.
#include <ramie/ramie.hpp>

#include <cstdio>
#include <functional>

using namespace std::chrono_literals;

namespace {

void beat(ramie::cancellation_token stop, ramie::semaphore& heard) {
    ramie::interval each(10ms);
    // Beats that could not be in time are left out, instead of all coming at once afterwards.
    each.set_missed_tick_policy(ramie::missed_tick_policy::skip);
    int beats = 0;
    while (!stop.is_cancelled()) {
        // Whichever is first; a tick that loses is not used up.
        ramie::select_biased(ramie::on_cancelled(stop, [] {}),  //
                             ramie::on_tick(each, [&](auto) {
                                 std::printf("beat %d\n", ++beats);
                                 heard.release();
                             }));
    }
    std::puts("stopped");
}

}  // namespace

int main() {
    ramie::run([] {
        ramie::cancellation_token stop;
        ramie::semaphore heard(0);
        // A child of the token: what is cancelled above is cancelled below, not the other way round.
        auto beating = ramie::spawn(beat, stop.child_token(), std::ref(heard));
        auto const five_beats = heard.acquire(5);
        stop.cancel();
        beating.get();
    });
}
