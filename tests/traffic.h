#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/policies/keyed_random.h"
#include "engine/values/values.h"
#include "examples/http_client.h"
#include "tests/server_process.h"

namespace pointsman::testing {

/// The configuration that the tests of crashes and faults serve: three arms, Thompson sampling over
/// two fields, and checkpoints every few hundred records, so that kills fall into them too.
/// `route_commit_ms` is the server's own default unless named.
std::string crash_config(int route_commit_ms = 250);

/// For tests in which nobody waits for a 503: a machine's disk may stand still for seconds.
inline constexpr int kPatient = 60'000;

/// A signal that the server acknowledged as new.
struct Said {
  std::string type;
  nlohmann::json payload;
  Reward reward;
};

/// One decision as its client remembers it.
struct Story {
  std::string query_id;
  nlohmann::json route;  ///< The body that asked for it.
  std::string arm;
  double propensity = 0.0;
  std::vector<Said> said;                         ///< In their order.
  std::vector<nlohmann::json> outcomes;           ///< Bodies acknowledged as new, in their order.
  std::map<std::string, nlohmann::json> outcome;  ///< The last value of each field.
  struct Keyed {
    examples::HttpRequest request;
    double reward = 0.0;
  };
  std::vector<Keyed> keyed;  ///< Feedback that may be sent again at any time.

  const Said* current(const std::string& type) const;
  Observation observation() const;
};

/// One client of a server that dies and comes back, or of several replicas, which it asks in turn:
/// it routes, tells outcomes, gives feedback with
/// and without keys, revises, repeats itself and asks, and after a broken connection it asks again
/// with the same ids until it is answered. It knows what every answer must be; what was otherwise
/// is in faults().
///
/// Thread-safety: one thread runs it; the accessors are for after that, but for counts.
class TrafficClient final {
 public:
  struct Options {
    std::size_t number = 0;  ///< Tells this client's ids and its dice from the others'.
    std::uint64_t seed = 1;
  };
  TrafficClient(const ServerProcess& server, Options options);
  TrafficClient(const std::vector<const ServerProcess*>& replicas, Options options);

  void run(const std::atomic<bool>& stop);

  const std::vector<Story>& stories() const { return stories_; }
  const std::vector<std::string>& faults() const { return faults_; }
  std::size_t routes() const { return routes_; }    ///< Any thread.
  std::size_t retried() const { return retried_; }  ///< Any thread.

 private:
  Story& some_story();
  std::size_t below(std::size_t bound);
  void route();
  void give_feedback();
  void tell_outcome();
  void repeat_feedback();
  void repeat_route();
  void look_up();

  /// Asks, counts, and parses; null where the answer is not 200 with JSON, which is a fault.
  nlohmann::json ask(const examples::HttpRequest& request);
  /// A first try that was acted upon but not answered makes the second a duplicate.
  void check_status(const nlohmann::json& answer, const std::string& expected);
  void check_observation(const nlohmann::json& answer, const Story& story);
  void fault(const std::string& what, const nlohmann::json& answer);

  std::vector<examples::HttpClient> clients_;  ///< One a replica.
  std::size_t asked_ = 0;
  const std::string prefix_;
  KeyedRandom random_;
  std::vector<Story> stories_;
  std::vector<std::string> faults_;
  std::size_t keys_ = 0;
  std::size_t last_tries_ = 1;
  std::atomic<std::size_t> routes_{0};
  std::atomic<std::size_t> retried_{0};
};

/// Every record of the router "default", as /log tells them, after checking that positions grow.
std::vector<nlohmann::json> whole_log(const ServerProcess& server);

/// Holds what a server's /stats says of the arms of "default" to the clients' memory: decisions,
/// choices and mean rewards.
void expect_arms_match(const ServerProcess& server, const std::vector<Story>& stories);

/// Holds the log and /queries to what the client remembers: every acknowledged record is there,
/// once, in its order, and nothing else is.
void expect_log_holds(const ServerProcess& server, const std::vector<Story>& stories);

}  // namespace pointsman::testing
