// error: ramie: select takes cases: on_receive(...), on_sleep(...), otherwise(...), ...
#include <ramie/channel.hpp>
#include <ramie/select.hpp>

void mistake(ramie::receiver<int> a, ramie::receiver<int> b) { ramie::select(a.receive(), b.receive()); }
