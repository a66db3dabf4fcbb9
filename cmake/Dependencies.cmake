# Debian 12 packages, by find_package where they bring a CMake config, else by pkg-config.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

pkg_check_modules(hwy REQUIRED IMPORTED_TARGET libhwy)
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(hiredis REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(pqxx REQUIRED IMPORTED_TARGET libpqxx)
pkg_check_modules(simdjson REQUIRED IMPORTED_TARGET simdjson)
pkg_check_modules(openssl REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(icu REQUIRED IMPORTED_TARGET icu-uc)
pkg_check_modules(spdlog REQUIRED IMPORTED_TARGET spdlog)
pkg_check_modules(prometheus REQUIRED IMPORTED_TARGET prometheus-cpp-core)

find_path(EIGEN3_INCLUDE_DIR Eigen/Core PATHS /usr/include/eigen3 REQUIRED NO_DEFAULT_PATH)
add_library(pointsman_eigen INTERFACE)
target_include_directories(pointsman_eigen SYSTEM INTERFACE ${EIGEN3_INCLUDE_DIR})

find_path(NLOHMANN_JSON_INCLUDE_DIR nlohmann/json.hpp REQUIRED)
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
find_path(CLI11_INCLUDE_DIR CLI/CLI.hpp REQUIRED)
find_path(BOOST_INCLUDE_DIR boost/beast.hpp REQUIRED)
