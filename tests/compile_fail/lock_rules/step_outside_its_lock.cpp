// error: calling function 'step' requires holding lock 'lock_' exclusively
#include <ramie/detail/fence/word_lock.hpp>

class counter {
  public:
    void add() {
        {
            ramie::detail::word_guard const held(lock_);
            step();
        }
        step();
    }

  private:
    void step() RAMIE_UNDER(lock_) { ++count_; }

    ramie::detail::word_lock lock_;
    int count_ RAMIE_GUARDED_BY(lock_) = 0;
};
