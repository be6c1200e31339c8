// libcurl's multi interface, which does its own polling: each fiber fetches several pages at once.
#include "library_run.hpp"

#include <curl/curl.h>

namespace {

constexpr std::size_t loops = 20, pages = 5, page_size = 2000;  // half a second at the server's rate

std::vector<std::string> nginx(std::uint16_t port, real_server::folder const& home) {
    home.write("page", std::string(page_size, 'x'));
    std::string config = ::geteuid() == 0 ? "user root;\n" : "";
    config += "worker_processes 1; daemon off; pid " + home.path("pid") + "; error_log " + home.path("log") +
              ";\nevents { worker_connections 1024; }\nhttp { access_log off;\n";
    for (auto const* const each : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
        config += std::string(each) + "_temp_path " + home.path(each) + ";\n";
    config += "server { listen 127.0.0.1:" + std::to_string(port) + " backlog=4096; root " + home.path() +
              "; location / { sendfile on; sendfile_max_chunk 1000; limit_rate 4000; } } }\n";
    home.write("nginx.conf", config);
    return {real_server::find_program("nginx"), "-p", home.path(), "-e", home.path("log"), "-c", home.path("nginx.conf")};
}

std::size_t count_bytes(char*, std::size_t size, std::size_t count, void* sum) {
    *static_cast<std::size_t*>(sum) += size * count;
    return size * count;
}

bool fetches_all(std::string const& page) {
    std::unique_ptr<CURLM, CURLMcode (*)(CURLM*)> const all(::curl_multi_init(), ::curl_multi_cleanup);
    std::vector<std::unique_ptr<CURL, void (*)(CURL*)>> each;
    std::size_t bytes[pages] = {};
    for (auto& count : bytes) {
        each.emplace_back(::curl_easy_init(), ::curl_easy_cleanup);
        ::curl_easy_setopt(each.back().get(), CURLOPT_URL, page.c_str());
        ::curl_easy_setopt(each.back().get(), CURLOPT_NOSIGNAL, 1L);
        ::curl_easy_setopt(each.back().get(), CURLOPT_WRITEFUNCTION, count_bytes);
        ::curl_easy_setopt(each.back().get(), CURLOPT_WRITEDATA, &count);
        ::curl_multi_add_handle(all.get(), each.back().get());
    }
    int running = 1;
    while (running > 0) {
        if (auto const error = ::curl_multi_perform(all.get(), &running); error != CURLM_OK)
            return library_run::complain("curl_multi_perform", ::curl_multi_strerror(error));
        if (running == 0) break;
        if (auto const error = ::curl_multi_poll(all.get(), nullptr, 0, 1000, nullptr); error != CURLM_OK)
            return library_run::complain("curl_multi_poll", ::curl_multi_strerror(error));
    }
    for (auto& one : each) ::curl_multi_remove_handle(all.get(), one.get());
    for (auto const count : bytes)
        if (count != page_size) return library_run::complain("page", "some bytes are missing");
    return true;
}

}  // namespace

int main() {
    return library_run::main({"nginx"}, [] {
        library_run::server const there(nginx);
        ::curl_global_init(CURL_GLOBAL_DEFAULT);
        auto const page = "http://localhost:" + std::to_string(there.port()) + "/page";
        return ramie::run_as_threads({.workers = 2}, [&] {
            return library_run::round("5 pages each, of 0.5 s", loops, [&](std::size_t) { return fetches_all(page); });
        });
    });
}
