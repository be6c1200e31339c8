# An overlay port, which builds the checkout that it lies in:
#   vcpkg install ramie --overlay-ports=packaging/vcpkg
# Whoever keeps it in a registry fills in where the sources come from (vcpkg_from_git).
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

set(options -Dtests=false -Dsamples=false -Dbench=false)
foreach(feature IN ITEMS tls dumps)
  if(feature IN_LIST FEATURES)
    set(${feature} enabled)
  else()
    set(${feature} disabled)
  endif()
endforeach()
list(APPEND options -Dtls=${tls} -Dlibdw=${dumps} -Dlibunwind=${dumps})
if("hook" IN_LIST FEATURES)
  list(APPEND options -Dhook=true)
else()
  list(APPEND options -Dhook=false)
endif()

vcpkg_configure_meson(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS ${options}
  # Meson looks for Boost by itself, not by pkg-config.
  ADDITIONAL_PROPERTIES "boost_root = '${CURRENT_INSTALLED_DIR}'")
vcpkg_install_meson()
vcpkg_fixup_pkgconfig()

# Ramie is always built both ways. The hook is only of use as a shared library.
if(VCPKG_LIBRARY_LINKAGE STREQUAL "static")
  file(GLOB shared "${CURRENT_PACKAGES_DIR}/lib/libramie.so*" "${CURRENT_PACKAGES_DIR}/lib/libramie-threads.so*"
    "${CURRENT_PACKAGES_DIR}/debug/lib/libramie.so*" "${CURRENT_PACKAGES_DIR}/debug/lib/libramie-threads.so*")
  file(REMOVE ${shared})
endif()
# ramie-run names the folder that its libraries were installed in, and vcpkg moves them.
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/bin" "${CURRENT_PACKAGES_DIR}/debug/bin")
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
# RamieConfig.cmake finds the libraries from where it lies.
set(VCPKG_POLICY_SKIP_LIB_CMAKE_MERGE_CHECK enabled)
set(VCPKG_POLICY_SKIP_MISPLACED_CMAKE_FILES_CHECK enabled)

vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
