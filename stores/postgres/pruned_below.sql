-- Schema version 2: pruning. From `pruned_below` on a log is whole; 0: it was never pruned.
ALTER TABLE heads ADD COLUMN pruned_below bigint NOT NULL DEFAULT 0;
