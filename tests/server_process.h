#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "examples/http_client.h"

namespace pointsman::testing {

/// A fresh folder under the system's one for temporary files; gone with the object.
class ScratchFolder final {
 public:
  ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder();

  const std::filesystem::path& path() const { return path_; }
  /// Writes a file in it and returns its path.
  std::string write(const std::string& name, const std::string& content) const;

 private:
  std::filesystem::path path_;
};

/// A loopback port that is this object's for as long as it lives, so that a server can be killed
/// and come back on it while other tests run.
class PortLease final {
 public:
  PortLease();
  PortLease(const PortLease&) = delete;
  PortLease& operator=(const PortLease&) = delete;
  ~PortLease();
  std::uint16_t port() const { return port_; }

 private:
  int socket_ = -1;
  std::uint16_t port_ = 0;
};

/// What a program left behind.
struct Ended {
  int exit_code = -1;  ///< 128 + the signal where one ended it.
  std::string output;  ///< Standard output.
  std::string errors;  ///< Standard error.
};

/// Runs a program to its end; `environment` is added to this process's.
Ended run_program(const std::vector<std::string>& arguments,
                  const std::vector<std::string>& environment = {});

/// `pointsman serve` as a process of its own, over a SQLite file in a scratch folder, on a port of
/// its own. It may be ended and started again any number of times and never outlives the object,
/// nor this process. Failures are reported as fatal test failures (check HasFatalFailure).
///
/// Thread-safety: port(), url(), client() from any thread; the rest from one, which must live as
/// long as the server it starts.
class ServerProcess final {
 public:
  /// `config` is the text of a TOML file; empty: the server's own defaults.
  explicit ServerProcess(const std::string& config = "");
  /// The same over another store, such as one that several processes share.
  ServerProcess(const std::string& config, const std::string& store_url);
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  ~ServerProcess();

  /// Starts it and waits until it is ready.
  void start();
  /// SIGKILL, and waits for its end.
  void kill();
  /// Sends SIGTERM; wait() tells what came of it.
  void terminate();
  /// SIGSTOP: it stands still, and its connections with it, until resume().
  void pause();
  void resume();
  /// Bytes of memory that it has at hand (VmRSS).
  std::size_t resident_bytes() const;
  /// Waits for the end that was asked for. Returns the exit code; 128 + the signal that ended it.
  int wait();
  /// terminate(), wait().
  int stop();

  std::uint16_t port() const { return lease_.port(); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port()); }
  std::string store_file() const { return (folder_.path() / "log.db").string(); }
  const ScratchFolder& folder() const { return folder_; }
  std::string log() const;  ///< What all its runs wrote.

  examples::HttpClient client() const;

  /// GET `target`, which must be answered 200 with JSON.
  nlohmann::json get(const std::string& target) const;

 private:
  ScratchFolder folder_;
  PortLease lease_;
  std::vector<std::string> arguments_;
  pid_t process_ = -1;
};

/// `pointsman prune` of a store, with further arguments.
Ended prune_store(const std::string& store_url, const std::vector<std::string>& more = {});

/// `pointsman serve` of a store that it must refuse.
Ended serve_in_vain(const std::string& store_url);

/// `pointsman inspect` of a store, as JSON: an array of routers.
nlohmann::json inspect_store(const std::string& store_url);
/// The same of a SQLite file.
nlohmann::json inspect(const std::string& store_file);

}  // namespace pointsman::testing
