#pragma once

#include "engine/log/store.h"

namespace pointsman {

/// What every record needs beside its body: its id and its time.
struct RecordStamp {
  RecordId id{};
  Timestamp time{};
};

// What makes each kind of record exactly-once (docs/LOG.md) stands here, for every caller.

/// `body` is the fingerprint of the canonical request: the same query_id with another one is a
/// conflict.
AppendRequest append_decision(Scope scope, RecordStamp stamp, Decision decision, Fingerprint body);

/// A signal type has one slot, which holds the fingerprint of the payload. Where scope.router is
/// empty, the record goes to the decision's router.
AppendRequest append_feedback(Scope scope, RecordStamp stamp, Feedback feedback,
                              Fingerprint payload);

/// Each field has one slot, which holds the field's value.
AppendRequest append_outcome(Scope scope, RecordStamp stamp, Outcome outcome);

/// A signal type has one slot in the session of this router.
AppendRequest append_session_feedback(Scope scope, RecordStamp stamp, SessionFeedback feedback,
                                      Fingerprint payload);

/// A configuration whose source_hash the log already has is a duplicate, unless `force`.
AppendRequest append_config(Scope scope, RecordStamp stamp, RouterConfig config,
                            bool force = false);

/// The first replica to log a version wins; the others' are duplicates.
AppendRequest append_schema(Scope scope, RecordStamp stamp, SchemaRevision revision,
                            LogPosition layout_since);

/// Rows are taken once: `body` is their fingerprint.
AppendRequest append_warm_start(Scope scope, RecordStamp stamp, WarmStart warm, Fingerprint body);

AppendRequest append_arm(Scope scope, RecordStamp stamp, ArmPut put);
AppendRequest append_arm_removed(Scope scope, RecordStamp stamp, ArmRemoved removed);

}  // namespace pointsman
