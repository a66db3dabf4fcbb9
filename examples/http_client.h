#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/values/result.h"

namespace pointsman::examples {

struct HttpAddress {
  std::string host = "127.0.0.1";  ///< A name or a numeric address.
  std::uint16_t port = 8080;
};

/// Reads "http://HOST[:PORT][/]"; the port is 80 where there is none.
Result<HttpAddress> parse_url(std::string_view url);

struct HttpRequest {
  std::string method = "GET";
  std::string target = "/";
  std::string body;
  /// On top of Host, and with a body Content-Length and Content-Type: application/json. One of the
  /// same name takes the place of a default; an empty value leaves the default out.
  std::vector<std::pair<std::string, std::string>> headers;
};

struct HttpAnswer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< Names in lower case.
  std::string body;
  std::size_t tries = 1;  ///< How often the request was sent before this answer came.

  std::optional<std::string> header(std::string_view lower_case_name) const;
};

/// A blocking HTTP/1.1 client over one kept-alive connection, which it opens when it is needed.
/// It reads answers with a Content-Length, which is what Pointsman sends outside its streams.
///
/// Thread-safety: none; one thread, one client.
class HttpClient final {
 public:
  struct Options {
    HttpAddress address;
    std::chrono::milliseconds answer_timeout{30'000};  ///< Without a byte for so long: broken.
    std::chrono::milliseconds patience{60'000};        ///< How long ask() keeps trying.
    std::chrono::milliseconds pause{20};               ///< Between tries after a broken connection.
  };

  explicit HttpClient(Options options);
  HttpClient(HttpClient&& other) noexcept;
  HttpClient& operator=(HttpClient&&) = delete;
  ~HttpClient();

  /// Sends the request until an answer other than 503 comes: after a broken connection at once on
  /// a new one, after a 503 when its Retry-After has passed. The server's exactly-once makes that
  /// safe for requests that carry their ids. Errors: `unavailable` when the patience is over.
  Result<HttpAnswer> ask(const HttpRequest& request);

  /// One try. Errors: `unavailable`; the request may have been acted upon or not.
  Result<HttpAnswer> try_once(const HttpRequest& request);

  /// The halves of a try, for callers that need to stand between them.
  Status send_bytes(std::string_view bytes);
  Result<HttpAnswer> receive();
  std::string bytes_of(const HttpRequest& request) const;

  void disconnect();

 private:
  Status connect();
  bool read_more();

  Options options_;
  int socket_ = -1;
  std::string received_;  ///< Not yet taken apart.
};

}  // namespace pointsman::examples
