#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace pointsman {

/// A postgresql:// url, which may hold a password. libpq reads the url itself; this knows what of
/// it must not be repeated.
class PostgresUrl final {
 public:
  explicit PostgresUrl(std::string url);

  /// The url with what it leaves unsaid: how long connecting may take, a name for
  /// pg_stat_activity, and a bound on unacknowledged bytes. Holds the password: for libpq alone.
  std::string connection_string(std::chrono::milliseconds connect_timeout) const;

  /// `text` without anything of the url that may be a secret, as it stands there or decoded.
  std::string without_secrets(std::string_view text) const;

  /// What may be said to a person of a failure to connect: the server's own words where it
  /// answered, else in ours. libpq's words may quote the url.
  std::string connect_failure(std::string_view libpq_message) const;

 private:
  bool says(std::string_view parameter) const;

  std::string url_;
  std::vector<std::string> secrets_;  ///< Longest first.
};

}  // namespace pointsman
