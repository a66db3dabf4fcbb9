# find_package(pointsman): the target pointsman::engine.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(PkgConfig)
pkg_check_modules(hwy REQUIRED QUIET IMPORTED_TARGET libhwy)
include(${CMAKE_CURRENT_LIST_DIR}/pointsman.cmake)
