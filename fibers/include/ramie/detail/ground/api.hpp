// What the shared library exports. All of it is compiled hidden (-fvisibility=hidden), but for functions and variables with this
// before their declaration: those of the API that are not inline, and what inline code of the headers calls. Exceptions have it
// as classes, so that they are caught in a file that was compiled hidden, too. packaging/abi holds the list of what is exported.
#pragma once

#define RAMIE_API [[gnu::visibility("default")]]
