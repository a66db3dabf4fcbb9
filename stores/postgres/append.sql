-- append_by_rules() of stores/append_rules.cc, for a whole group in one round trip. The caller
-- (stores/postgres/postgres_append.cc) sends a column an array; a request's own are at its number, from 1.

-- Makes the heads that the group may begin, then holds all heads that it may append to, in
-- ascending order, until the commit. Gives their ids. A request without a router goes to that of
-- its decision, which never changes; a decision that is committed only after this look is, to this
-- group, not there yet. Where a tenant has but a few routers, all of them are held, which costs
-- less than to look up whose the decisions are.
CREATE FUNCTION lock_routers(
  p_scope_tenant bytea[], p_scope_router bytea[], p_scope_may_begin integer[],
  p_asked_tenant bytea[], p_asked_query_id bytea[]
) RETURNS integer[] LANGUAGE plpgsql AS $body$
DECLARE
  few CONSTANT integer := 4;
  wanted integer[];
  tenants bytea[];
  asked integer[];
BEGIN
  IF 1 = ANY (p_scope_may_begin) THEN
    INSERT INTO heads (tenant, router)
      SELECT s.tenant, s.router
      FROM unnest(p_scope_tenant, p_scope_router, p_scope_may_begin) AS s(tenant, router, may_begin)
      WHERE s.may_begin = 1
        AND NOT EXISTS (SELECT FROM heads AS h WHERE h.tenant = s.tenant AND h.router = s.router)
      ORDER BY s.tenant, s.router
    ON CONFLICT DO NOTHING;
  END IF;

  wanted := ARRAY(
    SELECT h.id FROM unnest(p_scope_tenant, p_scope_router) AS s(tenant, router)
    JOIN heads AS h ON h.tenant = s.tenant AND h.router = s.router);
  IF cardinality(p_asked_tenant) > 0 THEN
    tenants := ARRAY(SELECT DISTINCT unnest(p_asked_tenant));
    asked := ARRAY(SELECT id FROM heads WHERE tenant = ANY (tenants) LIMIT few + 1);
    IF cardinality(asked) > few THEN
      asked := ARRAY(
        SELECT DISTINCT d.router FROM unnest(p_asked_tenant, p_asked_query_id) AS a(tenant, query_id)
        CROSS JOIN LATERAL (
          SELECT router FROM decisions WHERE query_id = a.query_id AND tenant = a.tenant OFFSET 0
        ) AS d);
    END IF;
    wanted := wanted || asked;
  END IF;
  PERFORM FROM heads WHERE id = ANY (wanted) ORDER BY id FOR NO KEY UPDATE;
  RETURN wanted;
END
$body$;

-- Sees to it that the positions taken next are above `p_newest`, that of the logs that are held. They
-- are but where the sequence was set back, as by a copy of the tables without it (logical
-- replication).
CREATE FUNCTION lead_positions(p_newest bigint) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
  IF nextval('log_positions') <= p_newest THEN
    PERFORM pg_advisory_xact_lock(5786930140093827650);
    PERFORM setval(
      'log_positions', (SELECT greatest(max(pos), nextval('log_positions')) FROM heads));
  END IF;
END
$body$;

-- Takes `n` positions, ascending and above every one of the logs that are held.
CREATE FUNCTION take_positions(p_held integer[], p_n integer) RETURNS bigint[]
LANGUAGE plpgsql AS $body$
BEGIN
  PERFORM lead_positions((SELECT max(pos) FROM heads WHERE id = ANY (p_held)));
  RETURN ARRAY(SELECT nextval('log_positions') FROM generate_series(1, p_n));
END
$body$;

-- The statuses are engine/log/store.h's AppendStatus: 0 recorded, 1 revised, 2 duplicate, 3 conflict,
-- 4 unknown, 5 failed. Requests that speak of the same key, decision or slot are in different
-- waves, each of which sees what the ones before it did. Positions follow the requests' order.
-- The look-ups are LATERAL with OFFSET 0, which the planner leaves as they are: one descent of the
-- primary key each. Left to itself it would, where the tables are still small, read all decisions
-- of the held routers and compare, and keep that plan while they grow.
CREATE FUNCTION append_batch(
  -- The logs that are named, and the decisions whose logs are meant.
  p_scope_tenant bytea[], p_scope_router bytea[], p_scope_may_begin integer[],
  p_asked_tenant bytea[], p_asked_query_id bytea[],
  -- The requests' numbers, wave by wave, and how many stand up to each wave's end.
  p_order integer[], p_wave_end integer[],
  -- What it is about. p_scope: the number of a scope; 0: that of the decision.
  p_scope integer[], p_tenant bytea[], p_subject_kind integer[], p_subject bytea[],
  p_creates integer[], p_first_wins integer[],
  -- The record. p_body NULL: it is too large to be stored.
  p_time bigint[], p_kind text[], p_query_id bytea[], p_session_id bytea[], p_arm bytea[],
  p_signal_type bytea[], p_reward double precision[], p_confidence double precision[],
  p_cost_usd double precision[], p_latency_ms double precision[], p_body bytea[],
  -- Of a new decision.
  p_decision_expires_at bigint[], p_decision_body bytea[],
  -- The idempotency key, or NULL, and how long it is kept at the least.
  p_key bytea[], p_key_route bytea[], p_key_router bytea[], p_key_body bytea[],
  p_key_expires_at bigint[],
  -- The slots of all requests; a request's are slot_first … slot_last.
  p_slot_first integer[], p_slot_last integer[], p_slot_name bytea[], p_slot_value bytea[],
  -- Keys that expired before this are deleted, 256 at most; 0: not now.
  p_forget_before bigint
) RETURNS TABLE (request integer, status integer, "position" bigint, router bytea)
LANGUAGE plpgsql AS $body$
#variable_conflict use_column
DECLARE
  held integer[] := lock_routers(
    p_scope_tenant, p_scope_router, p_scope_may_begin, p_asked_tenant, p_asked_query_id);
  -- From here on each statement sees what was committed before the heads were held.
  scope_id integer[] := CASE WHEN cardinality(p_scope_tenant) > 0 THEN ARRAY(
    SELECT h.id
    FROM unnest(p_scope_tenant, p_scope_router) WITH ORDINALITY AS s(tenant, router, n)
    LEFT JOIN heads AS h ON h.tenant = s.tenant AND h.router = s.router
    ORDER BY s.n) END;
  new_position bigint[] := take_positions(held, cardinality(p_order));
  wave_first integer := 1;
  wave_last integer;
  made_request integer[];
  made_status integer[];
  made_position bigint[];
  made_router integer[];
  all_request integer[] := '{}';
  all_status integer[] := '{}';
  all_position bigint[] := '{}';
  all_router integer[] := '{}';
  keys_wanted bigint;
  keys_put bigint;
BEGIN
  FOR wave IN 1 .. cardinality(p_wave_end) LOOP
    wave_last := p_wave_end[wave];
    WITH asked AS MATERIALIZED (
      SELECT o.i,
             p_tenant[o.i] AS tenant,
             p_subject_kind[o.i] AS subject_kind,
             CASE WHEN p_subject_kind[o.i] = 1 THEN p_subject[o.i] END AS query_id,
             CASE WHEN p_subject_kind[o.i] > 1 THEN p_subject[o.i] END AS subject,
             p_subject_kind[o.i] = 1 AND p_creates[o.i] = 0 AS on_decision,
             p_time[o.i] AS time,
             scope_id[p_scope[o.i]] AS named_router
      FROM unnest(p_order[wave_first:wave_last]) AS o(i)
    ), seen AS MATERIALIZED (
      SELECT a.*,
             d.position AS d_position, d.expires_at AS d_expires_at, d.router AS d_router,
             d.body_hash AS d_body,
             CASE WHEN p_scope[a.i] = 0 AND a.on_decision THEN d.router ELSE a.named_router END
               AS scope_router,
             k.position AS k_position,
             k.expires_at >= a.time AS k_known,
             k.expires_at >= a.time AND k.body_hash = p_key_body[a.i] AS k_same,
             k.router = p_key_router[a.i] AS k_own,
             s.any_known, s.all_equal, s.newest
      FROM asked AS a
      LEFT JOIN LATERAL (
        SELECT * FROM decisions WHERE query_id = a.query_id AND tenant = a.tenant OFFSET 0
      ) AS d ON NOT a.on_decision OR d.router = ANY (held)
      LEFT JOIN LATERAL (
        SELECT k.* FROM idempotency_keys AS k
        WHERE k.key = p_key[a.i] AND k.route = p_key_route[a.i] AND k.tenant = a.tenant
        ORDER BY (k.router = p_key_router[a.i]) DESC, k.router LIMIT 1
      ) AS k ON true
      LEFT JOIN LATERAL (
        SELECT bool_or(v.position IS NOT NULL) AS any_known,
               bool_and(coalesce(v.value_hash = p_slot_value[g], false)) AS all_equal,
               max(v.position) AS newest
        FROM generate_series(p_slot_first[a.i], p_slot_last[a.i]) AS g
        LEFT JOIN LATERAL (
          SELECT x.position, x.value_hash FROM decision_slots AS x
          WHERE x.decision = d.position AND x.name = p_slot_name[g]
          UNION ALL
          SELECT y.position, y.value_hash FROM slots AS y
          WHERE y.subject = a.subject AND y.name = p_slot_name[g]
            AND y.subject_kind = a.subject_kind AND y.router = a.named_router
        ) AS v ON true
      ) AS s ON true
    ), judged AS MATERIALIZED (
      SELECT j.*,
             j.status = 2 AND j.k_same AND j.k_own IS TRUE AS by_key,
             CASE WHEN j.status < 2 THEN new_position[j.i]
                  WHEN j.k_known AND (j.status = 3 AND NOT j.k_same OR j.k_same AND j.k_own)
                    THEN j.k_position
                  WHEN j.status > 3 THEN 0
                  ELSE coalesce(j.newest, j.d_position) END AS position,
             CASE WHEN j.status IN (2, 3) AND NOT j.on_decision AND j.d_position IS NOT NULL
                    AND (j.k_known AND (j.k_own OR NOT j.k_same)) IS NOT TRUE
                  THEN j.d_router ELSE j.scope_router END AS router
      FROM (
        SELECT s.*,
               CASE WHEN s.k_same AND s.k_own THEN 2
                    WHEN s.scope_router IS NULL THEN 4
                    WHEN s.on_decision AND (s.d_router IS DISTINCT FROM s.scope_router
                                            OR s.d_expires_at < s.time) THEN 4
                    WHEN s.k_known AND NOT s.k_same THEN 3
                    WHEN NOT s.on_decision AND s.d_position IS NOT NULL
                      THEN CASE WHEN s.d_body = p_decision_body[s.i] THEN 2 ELSE 3 END
                    WHEN s.all_equal OR (p_first_wins[s.i] = 1 AND s.any_known) THEN 2
                    WHEN p_body[s.i] IS NULL THEN 5
                    WHEN s.any_known THEN 1
                    ELSE 0 END AS status
        FROM seen AS s
      ) AS j
    ), put_records AS (
      INSERT INTO records (router, position, time, decision, reward, confidence, cost_usd,
                           latency_ms, kind, query_id, session_id, arm, signal_type, body)
      SELECT j.router, j.position, j.time, CASE WHEN j.on_decision THEN j.d_position END,
             p_reward[j.i], p_confidence[j.i], p_cost_usd[j.i], p_latency_ms[j.i], p_kind[j.i],
             p_query_id[j.i], p_session_id[j.i], p_arm[j.i], p_signal_type[j.i], p_body[j.i]
      FROM judged AS j WHERE j.status < 2
    ), put_decisions AS (
      INSERT INTO decisions (position, expires_at, router, query_id, tenant, body_hash)
      SELECT j.position, p_decision_expires_at[j.i], j.router, j.query_id, j.tenant,
             p_decision_body[j.i]
      FROM judged AS j WHERE j.status < 2 AND p_creates[j.i] = 1
    ), put_decision_slots AS (
      INSERT INTO decision_slots AS x (decision, position, name, value_hash)
      SELECT j.d_position, j.position, p_slot_name[g], p_slot_value[g]
      FROM judged AS j, generate_series(p_slot_first[j.i], p_slot_last[j.i]) AS g
      WHERE j.status < 2 AND j.on_decision
      ON CONFLICT (decision, name) DO UPDATE
        SET position = excluded.position, value_hash = excluded.value_hash
        WHERE x.value_hash <> excluded.value_hash
    ), put_slots AS (
      INSERT INTO slots AS y (position, router, subject_kind, subject, name, value_hash)
      SELECT j.position, j.router, j.subject_kind, j.subject, p_slot_name[g], p_slot_value[g]
      FROM judged AS j, generate_series(p_slot_first[j.i], p_slot_last[j.i]) AS g
      WHERE j.status < 2 AND j.subject_kind > 1
      ON CONFLICT (subject, name, subject_kind, router) DO UPDATE
        SET position = excluded.position, value_hash = excluded.value_hash
        WHERE y.value_hash <> excluded.value_hash
    ), put_keys AS (
      INSERT INTO idempotency_keys AS k (position, recorded_at, expires_at, key, route, tenant,
                                         router, body_hash)
      SELECT j.position, j.time,
             greatest(p_key_expires_at[j.i], j.d_expires_at,
                      CASE WHEN j.status < 2 THEN p_decision_expires_at[j.i] END),
             p_key[j.i], p_key_route[j.i], j.tenant, p_key_router[j.i], p_key_body[j.i]
      FROM judged AS j
      WHERE p_key[j.i] IS NOT NULL AND j.status < 3 AND j.by_key IS NOT TRUE
      ON CONFLICT (key, route, tenant, router) DO UPDATE
        SET position = excluded.position, recorded_at = excluded.recorded_at,
            expires_at = excluded.expires_at, body_hash = excluded.body_hash
        WHERE k.expires_at < excluded.recorded_at
      RETURNING 1
    )
    SELECT array_agg(j.i), array_agg(j.status), array_agg(j.position), array_agg(j.router),
           count(*) FILTER (WHERE p_key[j.i] IS NOT NULL AND j.status < 3
                              AND j.by_key IS NOT TRUE),
           (SELECT count(*) FROM put_keys)
    INTO made_request, made_status, made_position, made_router, keys_wanted, keys_put
    FROM judged AS j;
    -- Another process, which holds other heads, has put one of these keys meanwhile.
    IF keys_put < keys_wanted THEN
      RAISE EXCEPTION 'a key was taken meanwhile' USING ERRCODE = 'serialization_failure';
    END IF;
    all_request := all_request || made_request;
    all_status := all_status || made_status;
    all_position := all_position || made_position;
    all_router := all_router || made_router;
    wave_first := wave_last + 1;
  END LOOP;

  UPDATE heads AS h SET pos = m.newest
    FROM (SELECT m.router, max(m.position) AS newest
          FROM unnest(all_router, all_status, all_position) AS m(router, status, position)
          WHERE m.status < 2 GROUP BY m.router) AS m
    WHERE h.id = m.router;
  INSERT INTO record_counts AS c (router, records, kind, signal_type)
    SELECT m.router, count(*), p_kind[m.i], coalesce(p_signal_type[m.i], '')
    FROM unnest(all_request, all_router, all_status) AS m(i, router, status)
    WHERE m.status < 2 GROUP BY 1, 3, 4
    ON CONFLICT (router, kind, signal_type) DO UPDATE SET records = c.records + excluded.records;
  IF p_forget_before > 0 THEN
    DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
      SELECT k.ctid FROM idempotency_keys AS k WHERE k.expires_at < p_forget_before
      ORDER BY k.expires_at LIMIT 256 FOR UPDATE SKIP LOCKED));
  END IF;
  RETURN QUERY
    SELECT m.i, m.status, m.position, h.router
    FROM unnest(all_request, all_status, all_position, all_router) AS m(i, status, position, router)
    LEFT JOIN heads AS h ON h.id = m.router;
END
$body$;

-- append_batch() for a group of nothing but signals on decisions of one tenant, which name no log,
-- have no key and one slot each, and do not speak of the same slot. Most groups are of this kind, so
-- what such requests cannot need is left out, and what is left stands in as few statements as can be:
-- each costs as much as several records. What they have in common is sent once a sort; p_sort is a
-- request's. An array of a column that no request has is empty.
-- Gives one row: the requests' numbers, and of each its status, position and log, 0: none; and the
-- names of the logs, "id:hex,id:hex".
CREATE FUNCTION append_signals(
  p_tenant bytea, p_query_id bytea[], p_sort integer[], p_slot_value bytea[], p_time bigint[],
  p_reward double precision[], p_confidence double precision[], p_cost_usd double precision[],
  p_latency_ms double precision[], p_body bytea[],
  -- The sorts.
  p_kind text[], p_signal_type bytea[], p_slot_name bytea[], p_first_wins integer[],
  OUT requests integer[], OUT statuses integer[], OUT positions bigint[], OUT routers integer[],
  OUT names text)
LANGUAGE plpgsql AS $body$
#variable_conflict use_column
DECLARE
  few CONSTANT integer := 4;
  held integer[] := ARRAY(SELECT id FROM heads WHERE tenant = p_tenant LIMIT few + 1);
  newest bigint;
BEGIN
  -- lock_routers(), where the tenant has but a few.
  IF cardinality(held) > few THEN
    held := lock_routers(
      '{}', '{}', '{}', array_fill(p_tenant, ARRAY[cardinality(p_query_id)]), p_query_id);
  END IF;
  SELECT max(h.pos) INTO newest FROM (
    SELECT pos FROM heads WHERE id = ANY (held) ORDER BY id FOR NO KEY UPDATE) AS h;
  -- From here on each statement sees what was committed before the heads were held.
  PERFORM lead_positions(newest);
  WITH judged AS MATERIALIZED (
    SELECT f.i, f.sort, f.router, f.decision, f.newest,
           CASE WHEN f.router IS NULL OR f.expires_at < p_time[f.i] THEN 4
                WHEN f.equal OR (p_first_wins[f.sort] = 1 AND f.newest IS NOT NULL) THEN 2
                WHEN p_body[f.i] IS NULL THEN 5
                WHEN f.newest IS NOT NULL THEN 1
                ELSE 0 END AS status,
           nextval('log_positions') AS position
    FROM (
      SELECT a.i, a.sort, d.position AS decision, d.expires_at, d.router, x.position AS newest,
             x.value_hash = p_slot_value[a.i] AS equal
      FROM unnest(p_sort) WITH ORDINALITY AS a(sort, i)
      LEFT JOIN LATERAL (
        SELECT * FROM decisions WHERE query_id = p_query_id[a.i] AND tenant = p_tenant OFFSET 0
      ) AS d ON d.router = ANY (held)
      LEFT JOIN LATERAL (
        SELECT * FROM decision_slots
        WHERE decision = d.position AND name = p_slot_name[a.sort] OFFSET 0
      ) AS x ON true
    ) AS f
  ), put_records AS (
    INSERT INTO records (router, position, time, decision, reward, confidence, cost_usd,
                         latency_ms, kind, query_id, signal_type, body)
    SELECT j.router, j.position, p_time[j.i], j.decision, p_reward[j.i], p_confidence[j.i],
           p_cost_usd[j.i], p_latency_ms[j.i], p_kind[j.sort], p_query_id[j.i],
           p_signal_type[j.sort], p_body[j.i]
    FROM judged AS j WHERE j.status < 2
  ), put_new_slots AS (
    -- Nobody else can have put them, as their logs are held; ON CONFLICT would look for each again.
    INSERT INTO decision_slots (decision, position, name, value_hash)
    SELECT j.decision, j.position, p_slot_name[j.sort], p_slot_value[j.i]
    FROM judged AS j WHERE j.status = 0
  ), put_revised_slots AS (
    INSERT INTO decision_slots (decision, position, name, value_hash)
    SELECT j.decision, j.position, p_slot_name[j.sort], p_slot_value[j.i]
    FROM judged AS j WHERE j.status = 1
    ON CONFLICT (decision, name) DO UPDATE
      SET position = excluded.position, value_hash = excluded.value_hash
  ), put AS MATERIALIZED (
    SELECT router, sort, count(*) AS records, max(position) AS newest
    FROM judged WHERE status < 2 GROUP BY router, sort
  ), put_heads AS (
    UPDATE heads AS h SET pos = m.newest
    FROM (SELECT router, max(newest) AS newest FROM put GROUP BY router) AS m
    WHERE h.id = m.router
  ), put_counts AS (
    INSERT INTO record_counts AS c (router, records, kind, signal_type)
    SELECT router, sum(records), p_kind[sort], coalesce(p_signal_type[sort], '')
    FROM put GROUP BY 1, 3, 4
    ON CONFLICT (router, kind, signal_type) DO UPDATE SET records = c.records + excluded.records
  )
  SELECT array_agg(j.i), array_agg(j.status), array_agg(j.position), array_agg(j.router),
         (SELECT string_agg(id || ':' || encode(router, 'hex'), ',') FROM heads
          WHERE id = ANY (held))
  INTO requests, statuses, positions, routers, names
  FROM (
    SELECT i, status, coalesce(router, 0) AS router,
           CASE WHEN status < 2 THEN position WHEN status = 2 THEN newest ELSE 0 END AS position
    FROM judged
  ) AS j;
END
$body$;
