// Echo servers, plain and with TLS, that live as long as the soak, and the loads that are their clients.
#pragma once

#include "load.hpp"

#include <memory>
#include <vector>

namespace ramie::soak {

class servers {
  public:
    // In a task.
    servers();
    servers(servers const&) = delete;
    servers& operator=(servers const&) = delete;
    ~servers();  // ends them, and all their connections

    // Clients of the servers that live now.
    static std::vector<load> clients();

  private:
    struct parts;
    std::unique_ptr<parts> parts_;
};

}  // namespace ramie::soak
