#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace pointsman::testing {

/// Stands between a client and a server on this machine and breaks what goes through it. Runs in a
/// thread of its own.
///
/// Thread-safety: all calls. Each takes effect before it returns.
class TcpProxy final {
 public:
  /// Connections to port() go on to `target` of 127.0.0.1.
  explicit TcpProxy(std::uint16_t target);
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;
  ~TcpProxy();

  std::uint16_t port() const;

  /// What arrives is held so long before it goes on, in both directions. 0: at once.
  void set_delay(std::chrono::milliseconds delay);

  /// Ends all connections, and every new one at once, until mend().
  void cut();
  void mend();

  /// Ends all connections; new ones go through.
  void cut_once();

  /// Tells the clients of all connections that the server will say no more, and goes on handing
  /// the server what they say.
  void half_close();

  /// Once: after a client has said `marker`, what the server answers is thrown away and the
  /// connection ends. So the server has done what it was asked, and the client does not know.
  void drop_answer_to(std::string marker);

  std::size_t answers_dropped() const;

 private:
  class Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace pointsman::testing
