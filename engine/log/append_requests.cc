#include "engine/log/append_requests.h"

#include <cstring>
#include <string>
#include <utility>

namespace pointsman {
namespace {

AppendRequest request(Scope scope, RecordStamp stamp, RecordBody body) {
  AppendRequest made;
  made.scope = std::move(scope);
  made.record = Record{stamp.id, stamp.time, std::move(body)};
  return made;
}

/// The bits of a value as a fingerprint: equal values, equal fingerprints, nothing to hash.
template <class T>
Fingerprint bits_of(T value) {
  Fingerprint print{};
  std::memcpy(print.data(), &value, sizeof(T));
  return print;
}

/// Short texts by their first bytes and length; `error` is a short code word.
Fingerprint bits_of_text(const std::string& text) {
  Fingerprint print{};
  const std::size_t n = text.size() < print.size() - 8 ? text.size() : print.size() - 8;
  std::memcpy(print.data(), text.data(), n);
  const std::uint64_t size = text.size();
  std::memcpy(print.data() + print.size() - 8, &size, sizeof(size));
  return print;
}

}  // namespace

AppendRequest append_decision(Scope scope, RecordStamp stamp, Decision decision, Fingerprint body) {
  std::string query_id = decision.query_id;
  AppendRequest made = request(std::move(scope), stamp, std::move(decision));
  made.subject_kind = SubjectKind::decision;
  made.subject = std::move(query_id);
  made.creates_subject = true;
  made.slots.push_back(Slot{"route", body});
  return made;
}

AppendRequest append_feedback(Scope scope, RecordStamp stamp, Feedback feedback,
                              Fingerprint payload) {
  std::string query_id = feedback.query_id;
  std::string slot = "signal:" + feedback.signal_type;
  AppendRequest made = request(std::move(scope), stamp, std::move(feedback));
  made.subject_kind = SubjectKind::decision;
  made.subject = std::move(query_id);
  made.slots.push_back(Slot{std::move(slot), payload});
  return made;
}

AppendRequest append_outcome(Scope scope, RecordStamp stamp, Outcome outcome) {
  AppendRequest made;
  made.subject_kind = SubjectKind::decision;
  made.subject = outcome.query_id;
  if (outcome.cost_usd) made.slots.push_back({"outcome:cost_usd", bits_of(*outcome.cost_usd)});
  if (outcome.latency_ms) {
    made.slots.push_back({"outcome:latency_ms", bits_of(*outcome.latency_ms)});
  }
  if (outcome.input_tokens) {
    made.slots.push_back({"outcome:input_tokens", bits_of(*outcome.input_tokens)});
  }
  if (outcome.output_tokens) {
    made.slots.push_back({"outcome:output_tokens", bits_of(*outcome.output_tokens)});
  }
  if (!outcome.error.empty()) made.slots.push_back({"outcome:error", bits_of_text(outcome.error)});
  made.scope = std::move(scope);
  made.record = Record{stamp.id, stamp.time, std::move(outcome)};
  return made;
}

AppendRequest append_session_feedback(Scope scope, RecordStamp stamp, SessionFeedback feedback,
                                      Fingerprint payload) {
  std::string session = feedback.session_id;
  std::string slot = "signal:" + feedback.signal_type;
  AppendRequest made = request(std::move(scope), stamp, std::move(feedback));
  made.subject_kind = SubjectKind::session;
  made.subject = std::move(session);
  made.slots.push_back(Slot{std::move(slot), payload});
  return made;
}

AppendRequest append_config(Scope scope, RecordStamp stamp, RouterConfig config, bool force) {
  std::string slot = "config:" + config.source_hash;
  AppendRequest made = request(std::move(scope), stamp, std::move(config));
  made.subject_kind = SubjectKind::router;
  if (!force) {
    made.first_wins = true;
    made.slots.push_back(Slot{std::move(slot), Fingerprint{}});
  }
  return made;
}

AppendRequest append_schema(Scope scope, RecordStamp stamp, SchemaRevision revision,
                            LogPosition layout_since) {
  std::string slot =
      "schema:" + std::to_string(layout_since) + ":" + std::to_string(revision.version);
  AppendRequest made = request(std::move(scope), stamp, std::move(revision));
  made.subject_kind = SubjectKind::router;
  made.first_wins = true;
  made.slots.push_back(Slot{std::move(slot), Fingerprint{}});
  return made;
}

AppendRequest append_warm_start(Scope scope, RecordStamp stamp, WarmStart warm, Fingerprint body) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string slot = "warm_start:";
  for (const std::uint8_t byte : body) {
    slot += kDigits[byte >> 4U];
    slot += kDigits[byte & 0xFU];
  }
  AppendRequest made = request(std::move(scope), stamp, std::move(warm));
  made.subject_kind = SubjectKind::router;
  made.first_wins = true;
  made.slots.push_back(Slot{std::move(slot), Fingerprint{}});
  return made;
}

AppendRequest append_arm(Scope scope, RecordStamp stamp, ArmPut put) {
  return request(std::move(scope), stamp, std::move(put));
}

AppendRequest append_arm_removed(Scope scope, RecordStamp stamp, ArmRemoved removed) {
  return request(std::move(scope), stamp, std::move(removed));
}

}  // namespace pointsman
