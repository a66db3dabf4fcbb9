#include "stores/postgres/postgres_url.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace pointsman {
namespace {

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size()) {
      const char* const digits = text.data() + i + 1;
      if (std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
        out.push_back(static_cast<char>(value));
        i += 2;
        continue;
      }
    }
    out.push_back(text[i]);
  }
  return out;
}

std::string_view after_scheme(std::string_view url) {
  const std::size_t found = url.find("://");
  return found == std::string_view::npos ? url : url.substr(found + 3);
}

std::string_view query_of(std::string_view url) {
  const std::size_t found = url.rfind('?');
  return found == std::string_view::npos ? std::string_view() : url.substr(found + 1);
}

bool is_secret_parameter(std::string_view name) {
  return name.find("password") != std::string_view::npos || name == "passfile";
}

/// The value of each parameter that is secret, as it stands in the url.
void add_secret_parameters(std::string_view query, std::vector<std::string>& secrets) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || !is_secret_parameter(pair.substr(0, equals))) continue;
    secrets.emplace_back(pair.substr(equals + 1));
  }
}

}  // namespace

PostgresUrl::PostgresUrl(std::string url) : url_(std::move(url)) {
  const std::string_view rest = after_scheme(url_);
  // The last '@': a password that was not encoded may hold others.
  const std::size_t at = rest.rfind('@');
  const std::string_view user_info =
      at == std::string_view::npos ? std::string_view() : rest.substr(0, at);
  const std::size_t colon = user_info.find(':');
  if (colon != std::string_view::npos) secrets_.emplace_back(user_info.substr(colon + 1));
  add_secret_parameters(query_of(url_), secrets_);
  for (std::size_t i = 0, n = secrets_.size(); i < n; ++i) {
    secrets_.push_back(percent_decoded(secrets_[i]));
  }
  std::erase(secrets_, "");
  std::sort(secrets_.begin(), secrets_.end(),
            [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

bool PostgresUrl::says(std::string_view parameter) const {
  const std::string query = "&" + std::string(query_of(url_));
  return query.find("&" + std::string(parameter) + "=") != std::string::npos;
}

std::string PostgresUrl::connection_string(std::chrono::milliseconds connect_timeout) const {
  using std::chrono::ceil;
  using std::chrono::seconds;
  // libpq takes whole seconds, and 1 as 2.
  const auto timeout = std::max<seconds::rep>(2, ceil<seconds>(connect_timeout).count());
  const std::array<std::pair<std::string, std::string>, 5> defaults = {
      {{"connect_timeout", std::to_string(timeout)},
       {"application_name", "pointsman"},
       {"tcp_user_timeout", "15000"},
       {"keepalives_idle", "15"},
       {"keepalives_interval", "5"}}};
  std::string made = url_;
  char separator = made.find('?') == std::string::npos ? '?' : '&';
  for (const auto& [name, value] : defaults) {
    if (says(name)) continue;
    made += separator + name + "=" + value;
    separator = '&';
  }
  return made;
}

std::string PostgresUrl::without_secrets(std::string_view text) const {
  std::string made(text);
  for (const std::string& secret : secrets_) {
    for (std::size_t i = made.find(secret); i != std::string::npos; i = made.find(secret, i + 3)) {
      made.replace(i, secret.size(), "***");
    }
  }
  return made;
}

std::string PostgresUrl::connect_failure(std::string_view libpq_message) const {
  constexpr std::string_view kFatal = "FATAL:";
  const std::size_t fatal = libpq_message.find(kFatal);
  if (fatal != std::string_view::npos) {
    std::string_view said = libpq_message.substr(fatal + kFatal.size());
    said = said.substr(0, said.find('\n'));
    said.remove_prefix(std::min(said.find_first_not_of(' '), said.size()));
    return without_secrets("PostgreSQL refuses the connection: " + std::string(said));
  }
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kKnown = {{
      {"Connection refused", "nothing listens at its address"},
      {"No such file or directory", "its socket is not there"},
      {"timeout expired", "it does not answer in time"},
      {"could not translate host name", "its host name is unknown"},
      {"No route to host", "there is no route to its host"},
      {"SSL", "TLS could not be agreed on"},
  }};
  for (const auto& [theirs, ours] : kKnown) {
    if (libpq_message.find(theirs) == std::string_view::npos) continue;
    return "PostgreSQL cannot be reached: " + std::string(ours) + ".";
  }
  return "PostgreSQL cannot be reached.";
}

}  // namespace pointsman
