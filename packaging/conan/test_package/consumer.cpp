#include <ramie/ramie.hpp>

int main() {
    return ramie::run([] { return ramie::spawn([] { return 42; }).get(); }) - 42;
}
