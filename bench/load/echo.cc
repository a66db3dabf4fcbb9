// What the HTTP transport costs by itself: POST /echo answers fixed bytes, as large as a /route
// answer. script/bench puts it beside nginx's static answer. It serves until it is killed.
//
//   pointsman_echo [PORT [THREADS [ANSWER_BYTES]]]

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "server/http/problem.h"
#include "server/http/server.h"

namespace {

using pointsman::http::Handler;
using pointsman::http::Request;
using pointsman::http::Responder;
using pointsman::http::Response;

class Echo final : public Handler {
 public:
  explicit Echo(std::size_t answer_bytes) : answer_{.body = std::string(answer_bytes, 'x')} {
    answer_.content_type = "text/plain";
  }

  void handle(Request request, Responder responder) override {
    if (request.method == "POST" && request.path == "/echo") return responder.respond(answer_);
    responder.respond(pointsman::http::problem(404, "Only POST /echo is here."));
  }

 private:
  Response answer_;
};

unsigned long argument(int argc, char** argv, int i, unsigned long fallback) {
  return argc > i ? std::strtoul(argv[i], nullptr, 10) : fallback;
}

}  // namespace

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Echo echo(argument(argc, argv, 3, 334));
  pointsman::http::ServerOptions options;
  options.port = static_cast<std::uint16_t>(argument(argc, argv, 1, 0));
  options.threads = argument(argc, argv, 2, 1);
  pointsman::http::Server server(options, echo);
  if (const auto started = server.start(); !started) {
    std::fprintf(stderr, "%s\n", started.error().message.c_str());
    return 1;
  }
  std::printf("port %u\n", static_cast<unsigned>(server.port()));
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  server.drain(std::chrono::seconds(5));
  server.stop();
  return 0;
}
