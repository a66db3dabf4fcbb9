-- One step of Store::prune over one log, in one transaction, which holds its head: an append waits
-- for it, and no record can come to speak of what it takes out. Gives the last record that was
-- looked at (NULL: there was none), whether that was the last of all, how many records went, and
-- how many of those that were looked at stay. No row: there is no such log.
CREATE FUNCTION prune_batch(
  p_tenant bytea, p_router bytea, p_below bigint, p_over_before bigint, p_now bigint,
  p_after bigint, p_limit bigint
) RETURNS TABLE (looked_to bigint, at_end boolean, removed bigint, kept bigint)
LANGUAGE plpgsql AS $body$
DECLARE
  head integer;
  page_end bigint;
  looked_at bigint;
  sessions bytea[];
  doomed bigint[];
  gone bigint := 0;
  n bigint;
BEGIN
  UPDATE heads AS h SET pruned_below = greatest(h.pruned_below, p_below)
    WHERE h.tenant = p_tenant AND h.router = p_router RETURNING h.id INTO head;
  IF head IS NULL THEN
    RETURN;
  END IF;
  -- From here on each statement sees what was committed before the head was held.
  SELECT max(p.position), count(*) INTO page_end, looked_at FROM (
    SELECT r.position FROM records AS r
    WHERE r.router = head AND r.position > p_after AND r.position < p_below
    ORDER BY r.position LIMIT p_limit) AS p;

  -- Sessions whose first record is in the page, and of which nothing holds one back.
  sessions := ARRAY(
    SELECT r.session_id FROM records AS r
    WHERE r.router = head AND r.position > p_after AND r.position <= page_end
      AND r.session_id IS NOT NULL
      AND r.position = (SELECT min(s.position) FROM records AS s
                        WHERE s.session_id = r.session_id AND s.router = head)
      AND NOT EXISTS (
        SELECT FROM records AS s
        LEFT JOIN decisions AS d
          ON s.kind = 'decision' AND d.query_id = s.query_id AND d.tenant = p_tenant
        WHERE s.session_id = r.session_id AND s.router = head
          AND (s.position >= p_below OR s.kind = 'session_feedback' AND s.time >= p_over_before
            OR d.expires_at >= p_over_before
            OR EXISTS (SELECT FROM records AS f
                       WHERE f.decision = s.position AND f.position >= p_below))));
  doomed := ARRAY(
    SELECT r.position FROM records AS r
    JOIN decisions AS d ON d.query_id = r.query_id AND d.tenant = p_tenant
    WHERE r.router = head AND r.position > p_after AND r.position <= page_end
      AND r.kind = 'decision' AND r.session_id IS NULL AND d.expires_at < p_over_before
      AND NOT EXISTS (SELECT FROM records AS f
                      WHERE f.decision = r.position AND f.position >= p_below)
    UNION ALL
    SELECT s.position FROM unnest(sessions) AS n(session_id)
    JOIN records AS s ON s.session_id = n.session_id AND s.router = head
    WHERE s.kind = 'decision');

  DELETE FROM slots AS s USING unnest(sessions) AS n(session_id)
    WHERE s.subject = n.session_id AND s.subject_kind = 2 AND s.router = head;
  DELETE FROM records AS r USING unnest(sessions) AS n(session_id)
    WHERE r.session_id = n.session_id AND r.router = head AND r.kind = 'session_feedback';
  GET DIAGNOSTICS n = ROW_COUNT;
  gone := gone + n;
  DELETE FROM decision_slots AS s USING unnest(doomed) AS n(position)
    WHERE s.decision = n.position;
  DELETE FROM decisions AS d USING unnest(doomed) AS n(position), records AS r
    WHERE r.router = head AND r.position = n.position
      AND d.query_id = r.query_id AND d.tenant = p_tenant;
  DELETE FROM records AS r USING unnest(doomed) AS n(position) WHERE r.decision = n.position;
  GET DIAGNOSTICS n = ROW_COUNT;
  gone := gone + n;
  DELETE FROM records AS r USING unnest(doomed) AS n(position)
    WHERE r.router = head AND r.position = n.position;
  GET DIAGNOSTICS n = ROW_COUNT;
  gone := gone + n;

  -- Of every log: a dead key is nobody's.
  DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
    SELECT k.ctid FROM idempotency_keys AS k WHERE k.expires_at < p_now
    ORDER BY k.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED));
  RETURN QUERY SELECT page_end, looked_at < p_limit, gone, (
    SELECT count(*) FROM records AS r
    WHERE r.router = head AND r.position > p_after AND r.position <= page_end);
END
$body$;
