#pragma once

#include "engine/log/store.h"

namespace pointsman {

/// Who and when: what every record needs beside its body.
struct RecordStamp {
  RecordId id{};
  Timestamp time{};
};

/// What makes each kind of record exactly-once (LOG.md), in one place for every caller.

/// `body` is the fingerprint of the canonical request: the same query_id with another one is a
/// conflict.
AppendRequest append_decision(Scope scope, RecordStamp stamp, Decision decision, Fingerprint body);

/// One slot a signal type, holding the fingerprint of the payload. `router` empty: the decision's.
AppendRequest append_feedback(Scope scope, RecordStamp stamp, Feedback feedback,
                              Fingerprint payload);

/// One slot a field, holding the field's value.
AppendRequest append_outcome(Scope scope, RecordStamp stamp, Outcome outcome);

/// One slot a signal type of the session in this router.
AppendRequest append_session_feedback(Scope scope, RecordStamp stamp, SessionFeedback feedback,
                                      Fingerprint payload);

/// A configuration whose source_hash the log already has is a duplicate, unless `force`.
AppendRequest append_config(Scope scope, RecordStamp stamp, RouterConfig config,
                            bool force = false);

/// The first replica to log a version wins; the others' are duplicates.
AppendRequest append_schema(Scope scope, RecordStamp stamp, SchemaRevision revision,
                            LogPosition layout_since);

/// The same rows (by `body`, their fingerprint) are taken once.
AppendRequest append_warm_start(Scope scope, RecordStamp stamp, WarmStart warm, Fingerprint body);

AppendRequest append_arm(Scope scope, RecordStamp stamp, ArmPut put);
AppendRequest append_arm_removed(Scope scope, RecordStamp stamp, ArmRemoved removed);

}  // namespace pointsman
