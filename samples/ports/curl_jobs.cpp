// curl_jobs [COUNT]: that many fibers (200), each in a blocking curl_easy_perform, fetch a slow page from a real nginx.
//
// libcurl is the Debian package as it is. nginx takes half a second for the page by its own limit_rate: 4000 bytes a
// second, 1000 at a time, for 2000 bytes.
#include "fan_out.hpp"
#include "real_server.hpp"

#include <curl/curl.h>

#include <cstdlib>
#include <exception>
#include <memory>

namespace {

constexpr std::size_t page_size = 2000;

class nginx {
  public:
    explicit nginx(std::size_t connections) {
        auto const log = site_.path("log");
        site_.write("page", std::string(page_size, 'x'));
        std::string config = ::geteuid() == 0 ? "user root;\n" : "";  // else the folder would be closed to its workers
        config += "worker_processes 1; daemon off; pid " + site_.path("pid") + "; error_log " + log + ";\n";
        config +=
            "events { worker_connections " + std::to_string(2 * connections + 64) + "; }\nhttp { access_log off;\n";
        for (auto const* const each : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
            config += std::string(each) + "_temp_path " + site_.path(each) + ";\n";
        config += "server { listen 127.0.0.1:" + std::to_string(port_) + " backlog=4096; root " + site_.path() + ";\n" +
                  "location / { sendfile on; sendfile_max_chunk 1000; limit_rate 4000; } } }\n";
        site_.write("nginx.conf", config);
        server_ = std::make_unique<real_server::process>(std::vector<std::string>{real_server::find_program("nginx"),
                                                                                  "-p", site_.path(), "-e", log, "-c",
                                                                                  site_.path("nginx.conf")},
                                                         log);
        real_server::wait_until_listening(*server_, port_, log);
    }
    std::string page() const { return "http://127.0.0.1:" + std::to_string(port_) + "/page"; }

  private:
    real_server::folder const site_{};
    std::uint16_t const port_ = real_server::free_port();
    std::unique_ptr<real_server::process> server_;
};

struct cleaned_up {
    void operator()(CURL* c) const { ::curl_easy_cleanup(c); }
};

std::size_t count_bytes(char*, std::size_t size, std::size_t count, void* sum) {
    *static_cast<std::size_t*>(sum) += size * count;
    return size * count;
}

bool fetch(std::string const& url) {
    std::unique_ptr<CURL, cleaned_up> const c(::curl_easy_init());
    std::size_t bytes = 0;
    ::curl_easy_setopt(c.get(), CURLOPT_URL, url.c_str());
    ::curl_easy_setopt(c.get(), CURLOPT_NOSIGNAL, 1L);
    ::curl_easy_setopt(c.get(), CURLOPT_TIMEOUT, 30L);
    ::curl_easy_setopt(c.get(), CURLOPT_WRITEFUNCTION, count_bytes);
    ::curl_easy_setopt(c.get(), CURLOPT_WRITEDATA, &bytes);
    auto const end = ::curl_easy_perform(c.get());
    if (end != CURLE_OK) std::fprintf(stderr, "%s: %s\n", url.c_str(), ::curl_easy_strerror(end));
    return end == CURLE_OK && bytes == page_size;
}

}  // namespace

int main(int argc, char** argv) try {
    std::size_t const count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 200;
    if (count < 1 || count > 1000 || argc > 2) {
        std::fprintf(stderr, "usage: %s [COUNT]   (1 to 1000; 200)\n", argv[0]);
        return 2;
    }
    if (real_server::find_program("nginx").empty()) {
        std::fprintf(stderr, "there is no nginx here: apt-get install nginx-light\n");
        return 1;
    }
    nginx const server(count);
    ::curl_global_init(CURL_GLOBAL_DEFAULT);
    return ramie::run_as_threads({.workers = 2}, [&] {
        auto const fetched = fan_out(count, [&](std::size_t) { return fetch(server.page()); });
        fetched.print("pages that take 0.5 s");
        return fetched.good == count ? 0 : 1;
    });
} catch (std::exception const& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
