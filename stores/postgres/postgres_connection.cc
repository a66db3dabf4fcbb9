#include "stores/postgres/postgres_connection.h"

#include <poll.h>

#include <exception>
#include <utility>
#include <vector>

namespace pointsman {
namespace {

/// What PostgreSQL's code (SQLSTATE, appendix A) means.
PostgresFault fault_of(std::string_view code) {
  if (code == "23505") return PostgresFault::race;
  const std::string_view kind = code.substr(0, 2);
  if (kind == "22" || kind == "23" || kind == "54") return PostgresFault::record;
  // 57P01 … 57P03: the server is going down. Nobody says whether it had committed.
  if (code.empty() || kind == "08" || code.starts_with("57P")) return PostgresFault::lost;
  return PostgresFault::refused;
}

/// "ERROR:  index row size 2800 exceeds …\nDETAIL: …" without its head and its details, which may
/// repeat what callers sent.
std::string first_sentence(std::string_view message) {
  message = message.substr(0, message.find('\n'));
  constexpr std::string_view kHead = "ERROR:";
  if (message.starts_with(kHead)) message.remove_prefix(kHead.size());
  const std::size_t start = message.find_first_not_of(' ');
  return std::string(start == std::string_view::npos ? "unknown" : message.substr(start));
}

std::string session_settings(std::chrono::milliseconds statement_timeout) {
  const std::string timeout = std::to_string(statement_timeout.count());
  // Every look-up here has its index. Without statistics, as in a new database, the planner would
  // like to read whole tables, and keep that plan while they grow.
  return "SET search_path = pointsman; SET client_min_messages = error;"
         "SET bytea_output = hex; SET client_encoding = 'UTF8'; SET jit = off;"
         "SET default_transaction_isolation = 'read committed';"
         "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off;"
         "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_bitmapscan = off;"
         "SET statement_timeout = " +
         timeout + "; SET lock_timeout = " + timeout +
         "; SET idle_in_transaction_session_timeout = " + timeout;
}

}  // namespace

PostgresConnection::PostgresConnection(const Options& options, PostgresWatchdog& watchdog)
    : url_(options.url),
      patience_(options.statement_timeout + options.grace),
      watchdog_(watchdog) {}

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::open(const Options& options,
                                                                     PostgresWatchdog& watchdog) {
  std::unique_ptr<PostgresConnection> made(new PostgresConnection(options, watchdog));
  try {
    made->session_.emplace(options.url.connection_string(options.connect_timeout));
    made->quiet_.emplace(*made->session_);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    // Deprecated because version 7 never reconnects by itself, which is what is wanted.
    made->session_->inhibit_reactivation(true);
#pragma GCC diagnostic pop
  } catch (const std::exception& failure) {
    return Error{ErrorCode::unavailable, options.url.connect_failure(failure.what()), ""};
  }
  PostgresAnswer set = made->run_script(session_settings(options.statement_timeout));
  if (!set.ok()) return std::move(set.error);
  return made;
}

bool PostgresConnection::alive() const {
  if (lost_ || !session_->is_open()) return false;
  pollfd asked{.fd = session_->sock(), .events = POLLIN, .revents = 0};
  return ::poll(&asked, 1, 0) == 0;
}

template <class Call>
PostgresAnswer PostgresConnection::guarded(const Call& call) {
  PostgresAnswer answer;
  if (lost_) {
    answer.fault = PostgresFault::lost;
    answer.error = {ErrorCode::unavailable, "The connection to PostgreSQL is lost.", ""};
    return answer;
  }
  try {
    const PostgresWatchdog::Watch watch(watchdog_, session_->sock(), patience_);
    pqxx::nontransaction transaction(*session_);
    answer.rows = call(transaction);
    return answer;
  } catch (const pqxx::sql_error& failure) {
    answer.fault = session_->is_open() ? fault_of(failure.sqlstate()) : PostgresFault::lost;
    answer.error = {ErrorCode::unavailable,
                    "PostgreSQL: " + url_.without_secrets(first_sentence(failure.what())) + ".",
                    ""};
  } catch (const pqxx::statement_completion_unknown&) {
    answer.fault = PostgresFault::lost;
  } catch (const pqxx::transaction_rollback&) {
    // Class 40, for which libpqxx has no sql_error.
    answer.fault = PostgresFault::race;
    answer.error = {ErrorCode::unavailable, "PostgreSQL: other writers came first each time.", ""};
  } catch (const std::exception&) {
    answer.fault = PostgresFault::lost;
  }
  if (answer.fault == PostgresFault::lost) {
    lost_ = true;
    answer.error = {ErrorCode::unavailable, "The connection to PostgreSQL is lost.", ""};
  }
  return answer;
}

PostgresAnswer PostgresConnection::run(const PostgresStatement& statement,
                                       const PostgresParams& params) {
  std::vector<pqxx::binarystring> binary;
  binary.reserve(params.values().size());
  for (const std::string& value : params.values()) binary.emplace_back(value);
  return guarded([&](pqxx::nontransaction& transaction) {
    if (prepared_.insert(statement.name).second) session_->prepare(statement.name, statement.sql);
    return transaction.exec_prepared(statement.name, pqxx::prepare::make_dynamic_params(binary));
  });
}

PostgresAnswer PostgresConnection::run_script(const std::string& sql) {
  return guarded([&](pqxx::nontransaction& transaction) { return transaction.exec(sql); });
}

std::string bytes_at(const pqxx::row& row, int column) {
  const pqxx::field field = row[column];
  // "\\x" and two digits a byte (bytea_output = hex).
  const std::string_view text(field.c_str(), field.size());
  return text.size() < 2 ? std::string() : bytes_of_hex(text.substr(2));
}

std::string bytes_of_hex(std::string_view text) {
  const auto digit = [](char c) {
    return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
  };
  std::string out(text.size() / 2, '\0');
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<char>(digit(text[2 * i]) << 4U | digit(text[2 * i + 1]));
  }
  return out;
}

std::int64_t integer_at(const pqxx::row& row, int column) {
  return row[column].is_null() ? 0 : row[column].as<std::int64_t>();
}

}  // namespace pointsman
