#include "tests/server_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "tests/paths.h"

namespace pointsman::testing {
namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

struct Launch {
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::string output;  ///< File that takes standard output, at its end.
  std::string errors;  ///< The same of standard error.
};

/// Starts a program that dies with this process. Between fork and exec only calls that are safe
/// beside other threads.
pid_t launch(Launch what) {
  std::vector<std::string> variables;
  for (char** each = environ; *each != nullptr; ++each) variables.emplace_back(*each);
  variables.insert(variables.end(), what.environment.begin(), what.environment.end());
  const std::vector<char*> arguments = pointers(what.arguments);
  const std::vector<char*> environment = pointers(variables);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND;
  const int output = ::open(what.output.c_str(), kFlags, 0600);
  const int errors = ::open(what.errors.c_str(), kFlags, 0600);
  const int input = ::open("/dev/null", O_RDONLY);
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(errors, STDERR_FILENO);
  if (::getppid() == parent) ::execve(arguments[0], arguments.data(), environment.data());
  ::_exit(127);
}

int wait_for(pid_t process) {
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int bound_socket(std::uint16_t port) {
  const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(made, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return made;
  ::close(made);
  return -1;
}

}  // namespace

ScratchFolder::ScratchFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "pointsman-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no scratch folder");
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string ScratchFolder::write(const std::string& name, const std::string& content) const {
  const std::filesystem::path file = path_ / name;
  std::ofstream(file, std::ios::binary) << content;
  return file.string();
}

PortLease::PortLease() {
  // Below the range that the system gives to outgoing connections, which come and go.
  constexpr int kFirst = 20'000;
  constexpr int kPorts = 12'000;
  const int start = static_cast<int>(::getpid() * 37L % kPorts);
  for (int i = 0; i < kPorts && socket_ < 0; ++i) {
    port_ = static_cast<std::uint16_t>(kFirst + (start + i) % kPorts);
    socket_ = bound_socket(port_);
  }
  if (socket_ < 0) throw std::runtime_error("no free port");
  // Bound without SO_REUSEPORT, it is nobody else's; with it now, the server may share it. A
  // socket that does not listen takes no connection away.
  const int on = 1;
  ::setsockopt(socket_, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  ::setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

PortLease::~PortLease() { ::close(socket_); }

Ended run_program(const std::vector<std::string>& arguments,
                  const std::vector<std::string>& environment) {
  const ScratchFolder folder;
  const std::string output = (folder.path() / "output").string();
  const std::string errors = (folder.path() / "errors").string();
  const int code = wait_for(launch({arguments, environment, output, errors}));
  return {code, read_file(output), read_file(errors)};
}

ServerProcess::ServerProcess(const std::string& config) : ServerProcess(config, "") {}

ServerProcess::ServerProcess(const std::string& config, const std::string& store_url) {
  arguments_ = {paths::program("pointsman"), "serve"};
  if (!config.empty()) {
    arguments_.insert(arguments_.end(), {"--config", folder_.write("pointsman.toml", config)});
  }
  const std::string store = store_url.empty() ? "sqlite:" + store_file() : store_url;
  arguments_.insert(arguments_.end(),
                    {"--store", store, "--listen", "127.0.0.1:" + std::to_string(port())});
}

ServerProcess::~ServerProcess() {
  if (process_ > 0) kill();
}

void ServerProcess::start() {
  ASSERT_LT(process_, 0) << "it runs already";
  const std::string file = (folder_.path() / "server.log").string();
  process_ = launch({arguments_, {}, file, file});
  ASSERT_GT(process_, 0) << "fork failed";
  examples::HttpClient probe = client();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < deadline) {
    const auto answer = probe.try_once({.method = "GET", .target = "/readyz"});
    if (answer && answer->status == 200) return;
    if (::waitpid(process_, nullptr, WNOHANG) == process_) {
      process_ = -1;
      FAIL() << "the server ended at once; its log:\n" << log();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  FAIL() << "the server was not ready in time; its log:\n" << log();
}

void ServerProcess::kill() {
  ASSERT_GT(process_, 0);
  ::kill(process_, SIGKILL);
  wait();
}

void ServerProcess::terminate() {
  ASSERT_GT(process_, 0);
  ::kill(process_, SIGTERM);
}

void ServerProcess::pause() {
  ASSERT_GT(process_, 0);
  ::kill(process_, SIGSTOP);
}

void ServerProcess::resume() {
  ASSERT_GT(process_, 0);
  ::kill(process_, SIGCONT);
}

std::size_t ServerProcess::resident_bytes() const {
  std::ifstream status("/proc/" + std::to_string(process_) + "/status");
  for (std::string word; status >> word;) {
    std::size_t kibibytes = 0;
    if (word == "VmRSS:" && status >> kibibytes) return kibibytes << 10U;
  }
  ADD_FAILURE() << "no VmRSS of the server";
  return 0;
}

int ServerProcess::wait() {
  if (process_ <= 0) return -1;
  return wait_for(std::exchange(process_, -1));
}

int ServerProcess::stop() {
  terminate();
  return wait();
}

std::string ServerProcess::log() const { return read_file(folder_.path() / "server.log"); }

examples::HttpClient ServerProcess::client() const {
  return examples::HttpClient({.address = {.host = "127.0.0.1", .port = port()}});
}

nlohmann::json ServerProcess::get(const std::string& target) const {
  const auto answer = client().ask({.method = "GET", .target = target});
  if (!answer) {
    ADD_FAILURE() << target << ": " << answer.error().message;
    return {};
  }
  EXPECT_EQ(answer->status, 200) << target << ": " << answer->body;
  return nlohmann::json::parse(answer->body, nullptr, false);
}

nlohmann::json inspect(const std::string& store_file) {
  return inspect_store("sqlite:" + store_file);
}

Ended prune_store(const std::string& store_url, const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {paths::program("pointsman"), "prune", "--store", store_url};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_program(arguments);
}

Ended serve_in_vain(const std::string& store_url) {
  return run_program(
      {paths::program("pointsman"), "serve", "--store", store_url, "--listen", "127.0.0.1:0"});
}

nlohmann::json inspect_store(const std::string& store_url) {
  const Ended ended = run_program(
      {paths::program("pointsman"), "inspect", "--store", store_url, "--format", "json"});
  EXPECT_EQ(ended.exit_code, 0) << ended.errors;
  return nlohmann::json::parse(ended.output, nullptr, false);
}

}  // namespace pointsman::testing
