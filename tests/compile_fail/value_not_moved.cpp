// error: ramie: this value cannot be copied into the channel; std::move it
#include <ramie/channel.hpp>

#include <memory>

void mistake(ramie::sender<std::unique_ptr<int>> jobs) {
    auto job = std::make_unique<int>(1);
    (void)jobs.send(job);
}
