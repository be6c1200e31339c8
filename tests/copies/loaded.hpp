// A plugin that is open.
#pragma once

#include "plugin.hpp"

#include <doctest/doctest.h>

#include <functional>

#include <dlfcn.h>

// PLUGIN contains the library; SHARING_PLUGIN and OTHER_SHARING_PLUGIN are linked with the shared one.
class loaded {
  public:
    explicit loaded(char const* file) : handle_(::dlopen(file, RTLD_NOW | RTLD_LOCAL)) {
        REQUIRE_MESSAGE(handle_ != nullptr, ::dlerror());
        calls_ = static_cast<plugin_calls const*>(::dlsym(handle_, "ramie_test_plugin"));
        REQUIRE(calls_ != nullptr);
    }
    loaded(loaded const&) = delete;
    loaded& operator=(loaded const&) = delete;
    ~loaded() { ::dlclose(handle_); }
    plugin_calls const* operator->() const { return calls_; }

    void run(std::function<void()> const& f) const {
        calls_->run([](void* it) { (*static_cast<std::function<void()> const*>(it))(); }, const_cast<void*>(static_cast<void const*>(&f)));
    }

  private:
    void* handle_;
    plugin_calls const* calls_ = nullptr;
};
