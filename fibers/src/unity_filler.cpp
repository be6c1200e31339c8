// No code: a source for a unity build that would come out even (fibers/meson.build).
