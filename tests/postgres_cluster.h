#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <pqxx/pqxx>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/paths.h"

namespace pointsman::testing_postgres {

using Words = std::vector<std::string>;

/// A port of this machine that was free a moment ago.
inline std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd, plain, size) != 0 || ::getsockname(fd, plain, &size) != 0) address.sin_port = 0;
  ::close(fd);
  return ntohs(address.sin_port);
}

/// Starts a program with its output in `log`. Gives its process id, or -1.
inline pid_t start_program(Words words, const std::string& log) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child != 0) return child;
  // Does nothing where setpriv changes the user afterwards; there --pdeathsig does it.
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

inline int exit_code(pid_t child) {
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status)
             ? WEXITSTATUS(status)
             : -1;
}

/// The newest installed PostgreSQL's folder of programs (Debian's places), or PATH's.
inline std::string postgres_program(const std::string& name) {
  std::string newest;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
    const std::string program = (entry.path() / "bin" / name).string();
    if (::access(program.c_str(), X_OK) == 0) newest = std::max(newest, program);
  }
  return newest.empty() ? name : newest;
}

/// A PostgreSQL of the test's own, on a free port of this machine, with fsync on and a password.
/// It ends with this, or with the test's process. A server that does not start is a failure, never
/// a skip. PostgreSQL refuses to run as root; then it runs as the user postgres.
class PostgresCluster final {
 public:
  static constexpr std::string_view kUser = "pointsman";
  static constexpr std::string_view kPassword = "s3cret/of@tests";
  static constexpr std::string_view kPasswordInUrl = "s3cret%2Fof%40tests";

  /// `settings` are further ones, such as "synchronous_commit=off".
  explicit PostgresCluster(Words settings = {}) : settings_(std::move(settings)) {
    // Short: a socket's path has at most 107 bytes.
    std::string name = "/tmp/pm-pg-XXXXXX";
    if (mkdtemp(name.data()) == nullptr || !owned_by_server(name)) {
      ADD_FAILURE() << "no folder for PostgreSQL";
      return;
    }
    folder_ = name;
    if (!make_cluster()) {
      ADD_FAILURE() << "initdb fails; script/bootstrap postgres installs it\n" << log();
      return;
    }
    for (int attempt = 0; attempt < 5; ++attempt) {
      port_ = free_port();
      if (try_to_start()) return;
    }
    ADD_FAILURE() << "PostgreSQL does not start\n" << log();
  }
  PostgresCluster(const PostgresCluster&) = delete;
  PostgresCluster& operator=(const PostgresCluster&) = delete;
  ~PostgresCluster() {
    end_with(SIGQUIT);
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }

  std::uint16_t port() const { return port_; }

  std::string url(const std::string& database = "postgres") const { return url(database, port_); }

  /// The same through another port, such as a proxy's.
  static std::string url(const std::string& database, std::uint16_t port) {
    return "postgresql://" + std::string(kUser) + ":" + std::string(kPasswordInUrl) +
           "@127.0.0.1:" + std::to_string(port) + "/" + database;
  }

  void make_database(const std::string& name) {
    run("postgres", "CREATE DATABASE " + name + " TEMPLATE template0");
  }

  /// Runs SQL beside the store, and gives the last statement's rows.
  pqxx::result run(const std::string& database, const std::string& sql) const {
    pqxx::connection connection(url(database));
    pqxx::nontransaction transaction(connection);
    return transaction.exec(sql);
  }

  /// SIGKILL to the server and all of its processes at once.
  void kill_nine() {
    if (pid_ <= 0) return;
    const std::vector<pid_t> children = children_of(pid_);
    ::kill(pid_, SIGKILL);
    for (const pid_t child : children) ::kill(child, SIGKILL);
    exit_code(std::exchange(pid_, -1));
  }

  void stop() { end_with(SIGINT); }

  /// Starts it again on the same port and folder.
  void start() {
    for (int attempt = 0; attempt < 50; ++attempt) {
      if (try_to_start()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    ADD_FAILURE() << "PostgreSQL does not start again\n" << log();
  }

  std::string log() const {
    std::ifstream file(folder_ / "log");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

 private:
  static bool as_root() { return ::geteuid() == 0; }

  static bool owned_by_server(const std::string& path) {
    if (!as_root()) return true;
    const passwd* const user = ::getpwnam("postgres");
    return user != nullptr && ::chown(path.c_str(), user->pw_uid, user->pw_gid) == 0;
  }

  static Words as_server(const Words& words) {
    Words made;
    if (as_root()) {
      made = {"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups",
              "--pdeathsig=QUIT"};
    }
    made.insert(made.end(), words.begin(), words.end());
    return made;
  }

  int run_program(const Words& words) const {
    return exit_code(start_program(words, (folder_ / "log").string()));
  }

  std::filesystem::path data() const { return folder_ / "data"; }

  bool initialise() const {
    const std::string password_file = (folder_ / "password").string();
    std::ofstream(password_file) << kPassword << '\n';
    return run_program(as_server({postgres_program("initdb"), "--pgdata=" + data().string(),
                                  "--username=" + std::string(kUser), "--encoding=UTF8",
                                  "--no-locale", "--no-sync", "--auth-local=trust",
                                  "--auth-host=scram-sha-256", "--pwfile=" + password_file})) == 0;
  }

  /// initdb takes longer than most tests, and CTest runs each in a process of its own: so the
  /// build folder keeps one cluster to copy.
  bool make_cluster() const {
    const std::string kept = paths::scratch_dir() + "/postgres-cluster";
    const int lock = ::open((kept + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    ::flock(lock, LOCK_EX);
    bool made = std::filesystem::exists(kept);
    if (!made && initialise()) {
      const std::string half = kept + ".half";
      made = run_program({"rm", "-rf", half}) == 0 &&
             run_program({"cp", "-a", data().string(), half}) == 0 &&
             ::rename(half.c_str(), kept.c_str()) == 0;
    }
    ::close(lock);
    if (!made) return false;
    return std::filesystem::exists(data()) || run_program({"cp", "-a", kept, data().string()}) == 0;
  }

  bool try_to_start() {
    Words words = {postgres_program("postgres"), "-D", data().string(),     "-p",
                   std::to_string(port_),        "-k", folder_.string(),    "-c",
                   "listen_addresses=127.0.0.1", "-c", "fsync=on",          "-c",
                   "shared_buffers=64MB",        "-c", "max_connections=60"};
    for (const std::string& setting : settings_) {
      words.push_back("-c");
      words.push_back(setting);
    }
    pid_ = start_program(as_server(words), (folder_ / "log").string());
    for (int i = 0; i < 3000; ++i) {
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = -1;
        return false;
      }
      if (answers()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    end_with(SIGQUIT);
    return false;
  }

  bool answers() const {
    try {
      const pqxx::connection connection(url());
      return true;
    } catch (const pqxx::failure&) {
      return false;
    }
  }

  static std::vector<pid_t> children_of(pid_t parent) {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const std::string name = entry.path().filename().string();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      std::ifstream stat(entry.path() / "stat");
      std::string text;
      std::getline(stat, text);
      // "pid (name) state parent …"; a name may hold blanks.
      std::istringstream rest(text.substr(std::min(text.rfind(')') + 1, text.size())));
      std::string state;
      pid_t its_parent = 0;
      if (rest >> state >> its_parent && its_parent == parent) found.push_back(std::stoi(name));
    }
    return found;
  }

  void end_with(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    exit_code(std::exchange(pid_, -1));
  }

  const Words settings_;
  std::filesystem::path folder_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace pointsman::testing_postgres
