PRAGMA application_id = 1315271762;
CREATE TABLE attempts (
    job      INTEGER NOT NULL REFERENCES jobs (id) DEFERRABLE INITIALLY DEFERRED,
    seq      INTEGER NOT NULL,
    standing INTEGER NOT NULL CHECK (standing IN (0, 1, 2)), -- 0: history, 1: accepted, 2: failed and counted
    position INTEGER NOT NULL,
    frame    INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    lease    INTEGER NOT NULL,
    worker   INTEGER,          -- words.id
    outcome  TEXT    NOT NULL,
    final    INTEGER NOT NULL,
    started  INTEGER NOT NULL,
    ended    INTEGER NOT NULL,
    seconds  REAL,             -- NULL: not a number
    memory   INTEGER NOT NULL,
    install  INTEGER,          -- words.id
    error    TEXT,
    results  TEXT, warnings TEXT,             -- []farm.Result as JSON
    PRIMARY KEY (job, seq)
) WITHOUT ROWID;
CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY,
    time    INTEGER NOT NULL,
    who     TEXT    NOT NULL, -- name of the token then
    token   TEXT    NOT NULL,
    role    TEXT    NOT NULL,
    address TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    text    TEXT    NOT NULL
);
CREATE TABLE departed (
    id   TEXT PRIMARY KEY,
    name TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE files (
    job      INTEGER NOT NULL REFERENCES jobs (id) DEFERRABLE INITIALLY DEFERRED,
    path     TEXT    NOT NULL,
    original TEXT    NOT NULL,
    size     INTEGER NOT NULL,
    ref      TEXT    NOT NULL,
    first    INTEGER,
    last     INTEGER, bake INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (job, path)
) WITHOUT ROWID;
CREATE TABLE finished (
    job   INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    seq   INTEGER NOT NULL,
    spans BLOB    NOT NULL -- farm.Spans
);
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
CREATE TABLE jobs (
    id         INTEGER PRIMARY KEY,
    gone       INTEGER NOT NULL DEFAULT 0, -- 1: deleted, its rows are being swept; no reader sees it
    state      TEXT    NOT NULL CHECK (state IN ('collecting', 'queued', 'active', 'paused', 'done', 'failed', 'canceled')),
    reason     TEXT    NOT NULL,
    owner      TEXT    NOT NULL,
    search     TEXT    NOT NULL, -- the name in lower case
    key        TEXT,             -- NULL: none
    created    INTEGER NOT NULL,
    started    INTEGER NOT NULL,
    ended      INTEGER NOT NULL,
    total      INTEGER NOT NULL,
    done       INTEGER NOT NULL,
    failed     INTEGER NOT NULL,
    running    INTEGER NOT NULL,
    dispatched INTEGER NOT NULL,
    seconds    REAL,             -- NULL: not a number
    missing    INTEGER NOT NULL
, owner_id TEXT NOT NULL DEFAULT '', priority INTEGER NOT NULL DEFAULT 1, machine REAL, inspect INTEGER NOT NULL DEFAULT 0);
CREATE TABLE leases (
    id      INTEGER PRIMARY KEY,
    job     INTEGER NOT NULL REFERENCES jobs (id) DEFERRABLE INITIALLY DEFERRED,
    worker  INTEGER REFERENCES words (id) DEFERRABLE INITIALLY DEFERRED,
    slot    INTEGER NOT NULL,
    frames  TEXT    NOT NULL, -- numbers with commas
    attempt INTEGER NOT NULL,
    issued  INTEGER NOT NULL
);
CREATE TABLE logins (
    id      TEXT    PRIMARY KEY,
    token   TEXT    NOT NULL,
    hash    TEXT    NOT NULL,
    address TEXT    NOT NULL,
    browser TEXT    NOT NULL,
    created INTEGER NOT NULL,
    used    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE pending (
    seq     INTEGER PRIMARY KEY,
    target  TEXT    NOT NULL,
    id      TEXT    NOT NULL, -- of the message
    message BLOB    NOT NULL  -- JSON; no text, so that a row is not taken for a job's settings where the file is damaged
);
CREATE TABLE refusals (
    job     INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    workers TEXT NOT NULL -- ids as JSON
);
CREATE TABLE resets (
    job   INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    first INTEGER NOT NULL, -- the smallest position of the part; parts of a job do not overlap
    spans BLOB    NOT NULL, -- farm.Spans
    PRIMARY KEY (job, first)
) WITHOUT ROWID;
CREATE TABLE specs (
    job    INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    scene  TEXT NOT NULL,
    folder TEXT NOT NULL,
    spec   TEXT NOT NULL -- farm.JobSpec as JSON
, removed TEXT, blend TEXT);
CREATE TABLE summed (
    job   INTEGER PRIMARY KEY,
    name  TEXT    NOT NULL,
    owner TEXT    NOT NULL,
    after INTEGER NOT NULL DEFAULT 0 -- attempts up to this seq came with an archive and were rendered elsewhere or are counted with another job
);
CREATE TABLE sums (
    day     INTEGER NOT NULL, -- since 1970, UTC
    job     INTEGER NOT NULL, -- summed.job
    worker  INTEGER NOT NULL, -- words.id; 0: none
    seconds REAL    NOT NULL, -- that workers rendered, also for what failed
    done    INTEGER NOT NULL, -- frames
    failed  INTEGER NOT NULL, -- attempts
    expired INTEGER NOT NULL,
    PRIMARY KEY (day, job, worker)
) WITHOUT ROWID;
CREATE TABLE targets (
    id      TEXT    PRIMARY KEY,
    name    TEXT    NOT NULL,
    url     TEXT    NOT NULL,
    secret  TEXT    NOT NULL,
    shown   TEXT    NOT NULL, -- what may be shown of the URL
    kinds   TEXT    NOT NULL, -- JSON
    owner   TEXT    NOT NULL,
    enabled INTEGER NOT NULL,
    created INTEGER NOT NULL,
    failing INTEGER NOT NULL,
    error   TEXT    NOT NULL
) WITHOUT ROWID;
CREATE TABLE tokens (
    id      TEXT    PRIMARY KEY,
    name    TEXT    NOT NULL,
    role    TEXT    NOT NULL,
    hash    TEXT    NOT NULL,
    created INTEGER NOT NULL,
    used    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE words (
    id   INTEGER PRIMARY KEY,
    word TEXT NOT NULL UNIQUE
);
CREATE TABLE workers (
    id         TEXT    PRIMARY KEY,
    name       TEXT    NOT NULL,
    wished     TEXT    NOT NULL,
    slots      INTEGER NOT NULL,
    tags       TEXT    NOT NULL, -- JSON
    facts      TEXT    NOT NULL, -- farm.Facts as JSON
    enabled    INTEGER NOT NULL,
    reason     TEXT    NOT NULL,
    draining   INTEGER NOT NULL,
    registered INTEGER NOT NULL,
    seen       INTEGER NOT NULL,
    address    TEXT    NOT NULL
, token TEXT NOT NULL DEFAULT '', hours TEXT NOT NULL DEFAULT '', when_idle INTEGER NOT NULL DEFAULT 0, set_slots INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
INSERT INTO "attempts" VALUES(1, 4294967297, 1, 0, 1, 1, 4294967297, 1, 'done', 0, 1790000010000000, 1790000020000000, 9.5, 300, 2, NULL, '[{"kind":"exr","name":"exr/0001.exr","size":10,"sha256":"00000000000000000000000000000000000000000000000000000000000003e9","frame":1}]', NULL);
INSERT INTO "attempts" VALUES(1, 4294967298, 1, 1, 2, 1, 4294967298, 1, 'done', 0, 1790000010000000, 1790000020000000, 9.5, 300, 2, NULL, '[{"kind":"exr","name":"exr/0002.exr","size":10,"sha256":"00000000000000000000000000000000000000000000000000000000000003ea","frame":2}]', NULL);
INSERT INTO "attempts" VALUES(1, 4294967299, 1, 2, 3, 1, 4294967299, 1, 'done', 0, 1790000010000000, 1790000020000000, 9.5, 300, 2, NULL, '[{"kind":"exr","name":"exr/0003.exr","size":10,"sha256":"00000000000000000000000000000000000000000000000000000000000003eb","frame":3}]', NULL);
INSERT INTO "attempts" VALUES(2, 4294967300, 1, 0, -2, 1, 4294967300, 1, 'done', 0, 1790000010000000, 1790000020000000, 9.5, 300, 2, NULL, '[{"kind":"exr","name":"exr/-002.exr","size":10,"sha256":"00000000000000000000000000000000000000000000000000000000000003e6","frame":-2}]', NULL);
INSERT INTO "attempts" VALUES(2, 4294967301, 1, 1, -1, 1, 4294967301, 1, 'done', 0, 1790000010000000, 1790000020000000, 9.5, 300, 2, NULL, '[{"kind":"exr","name":"exr/-001.exr","size":10,"sha256":"00000000000000000000000000000000000000000000000000000000000003e7","frame":-1}]', '["a texture is missing"]');
INSERT INTO "attempts" VALUES(2, 4294967302, 2, 2, 0, 1, 4294967302, 1, 'failed', 0, 1790000011000000, 1790000021000000, 0.0, 0, NULL, 'no camera', NULL, NULL);
INSERT INTO "audit" VALUES(4294967402, 1790000001000000, 'anna', 't-anna', 'submit', '10.0.0.8', 'job.submit', '1', 'Shot 1');
INSERT INTO "departed" VALUES('worker-elm', 'elm');
INSERT INTO "files" VALUES(1, 'shot.blend', '/home/anna/shot.blend', 1000, '0000000000000000000000000000000000000000000000000000000000000001', NULL, NULL, 0);
INSERT INTO "files" VALUES(1, 'tex/ä.png', '//tex/ä.png', 20, '0000000000000000000000000000000000000000000000000000000000000002', 1, 2, 0);
INSERT INTO "files" VALUES(2, 'shot.blend', '/home/anna/shot.blend', 1000, '0000000000000000000000000000000000000000000000000000000000000001', NULL, NULL, 0);
INSERT INTO "files" VALUES(2, 'tex/ä.png', '//tex/ä.png', 20, '0000000000000000000000000000000000000000000000000000000000000002', 1, 2, 3);
INSERT INTO "files" VALUES(3, 'shot.blend', '/home/anna/shot.blend', 1000, '0000000000000000000000000000000000000000000000000000000000000001', NULL, NULL, 0);
INSERT INTO "finished" VALUES(1, 4294967299, X'00010101');
INSERT INTO "finished" VALUES(2, 4294967300, X'0001');
INSERT INTO "goose_db_version" VALUES(1, 0, 1, '2026-11-25 15:06:23');
INSERT INTO "goose_db_version" VALUES(2, 1, 1, '2026-11-25 15:06:23');
INSERT INTO "goose_db_version" VALUES(3, 2, 1, '2026-11-25 15:06:23');
INSERT INTO "goose_db_version" VALUES(4, 3, 1, '2026-11-25 15:06:23');
INSERT INTO "goose_db_version" VALUES(5, 4, 1, '2026-11-25 15:06:23');
INSERT INTO "goose_db_version" VALUES(6, 5, 1, '2026-11-25 15:06:23');
INSERT INTO "goose_db_version" VALUES(7, 6, 1, '2026-11-25 15:06:23');
INSERT INTO "goose_db_version" VALUES(8, 7, 1, '2026-11-25 15:06:23');
INSERT INTO "goose_db_version" VALUES(9, 8, 1, '2026-11-25 15:06:23');
INSERT INTO "goose_db_version" VALUES(10, 9, 1, '2026-11-29 13:30:28');
INSERT INTO "goose_db_version" VALUES(11, 10, 1, '2026-11-29 16:36:13');
INSERT INTO "goose_db_version" VALUES(12, 11, 1, '2026-11-29 16:53:18');
INSERT INTO "goose_db_version" VALUES(13, 12, 1, '2026-11-29 21:18:30');
INSERT INTO "goose_db_version" VALUES(14, 13, 1, '2026-11-29 21:39:58');
INSERT INTO "goose_db_version" VALUES(15, 14, 1, '2026-11-29 22:10:24');
INSERT INTO "goose_db_version" VALUES(16, 15, 1, '2026-11-30 00:38:26');
INSERT INTO "jobs" VALUES(1, 0, 'active', '', 'anna', 'shot 1', 'key1', 1790000001000000, 1790000010000000, 0, 3, 2, 0, 0, 3, 19.0, 0, 't-anna', 1, 28.5, 0);
INSERT INTO "jobs" VALUES(2, 0, 'active', '', 'anna', 'shot 2', 'key2', 1790000002000000, 1790000010000000, 0, 6, 2, 0, 2, 5, 19.0, 0, 't-anna', 2, 19.0, 0);
INSERT INTO "jobs" VALUES(3, 0, 'collecting', '', 'anna', 'shot 3', 'key3', 1790000003000000, 0, 0, 1, 0, 0, 0, 0, 0.0, 0, 't-anna', 3, 0.0, 0);
INSERT INTO "leases" VALUES(4294967303, 2, 1, 1, '1,2', 1, 1790000022000000);
INSERT INTO "logins" VALUES('l1', 't-root', '0000000000000000000000000000000000000000000000000000000000000009', '10.0.0.9', 'Firefox', 1790000003000000, 1790000004000000);
INSERT INTO "meta" VALUES('epoch', '1');
INSERT INTO "meta" VALUES('next job', '5');
INSERT INTO "meta" VALUES('rules', '{"cap":0.75,"new_frames":1,"stale_minutes":10,"attempts":3,"out_after":3,"heartbeat_ms":5000}');
INSERT INTO "pending" VALUES(1, 'chat', 'msg_1', X'7B226964223A226D73675F31222C226B696E64223A226A6F622E646F6E65222C2274696D65223A22323032362D31312D32395431323A30303A30305A222C2274657874223A2253686F74203120697320646F6E65227D');
INSERT INTO "refusals" VALUES(2, '["worker-oak"]');
INSERT INTO "resets" VALUES(1, 1, X'0101');
INSERT INTO "specs" VALUES(1, 'de78511e5f13dd90619ec2fc51fec2ac', 'Shot-1', '{"name":"Shot 1","blend":"shot.blend","frames":"1-3","chunk":1,"priority":1,"order":"linear","needs":{"tags":["fast"]},"options":{"scripts":false,"exr":"full","outputs":true,"preview":true},"key":"key1"}', '[{"at":"2026-09-21T14:14:00Z","part":"logs","rule":"logs.done=30d"}]', '0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO "specs" VALUES(2, 'de78511e5f13dd90619ec2fc51fec2ac', 'Shot-2', '{"name":"Shot 2","blend":"shot.blend","frames":"-2-3","chunk":1,"priority":2,"order":"linear","needs":{"tags":["fast"]},"options":{"scripts":false,"exr":"full","outputs":true,"preview":true},"key":"key2"}', NULL, '0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO "specs" VALUES(3, 'acb5d0dd8978d498db6abfa1d277843a', 'Shot-3', '{"name":"Shot 3","blend":"shot.blend","frames":"1","chunk":1,"priority":3,"order":"linear","needs":{"tags":["fast"]},"options":{"scripts":false,"exr":"full","outputs":true,"preview":true},"key":"key3"}', NULL, '0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO "summed" VALUES(1, 'Shot 1', 'anna', 0);
INSERT INTO "summed" VALUES(2, 'Shot 2', 'anna', 0);
INSERT INTO "sums" VALUES(20717, 1, 1, 28.5, 3, 0, 0);
INSERT INTO "sums" VALUES(20717, 2, 1, 19.0, 2, 1, 0);
INSERT INTO "targets" VALUES('chat', 'Chat', 'https://chat.studio/x', 'whsec_x', 'https://chat.studio', '["job.done","job.failed"]', 'anna', 1, 1790000001000000, 1790000040000000, 'no answer');
INSERT INTO "tokens" VALUES('t-anna', 'anna', 'submit', '0000000000000000000000000000000000000000000000000000000000000008', 1790000001000000, 0);
INSERT INTO "tokens" VALUES('t-root', 'root', 'admin', '0000000000000000000000000000000000000000000000000000000000000007', 1790000000000000, 1790000005000000);
INSERT INTO "words" VALUES(1, 'worker-oak');
INSERT INTO "words" VALUES(2, '4.5.3');
INSERT INTO "workers" VALUES('worker-oak', 'oak', 'oak', 2, '["fast"]', '{"host":"oak","os":"linux","arch":"amd64","cores":8,"memory_mb":16000,"disk_free_mb":0,"blenders":null,"program":"0.1.0","scripts":false,"confined":false}', 1, '', 0, 1790000002000000, 1790000030000000, '10.0.0.7', 't-root', '', 0, 2);
CREATE UNIQUE INDEX attempts_accepted ON attempts (job, position) WHERE standing = 1;
CREATE INDEX attempts_failed ON attempts (job, seq) WHERE outcome <> 'done';
CREATE INDEX attempts_other ON attempts (job, position) WHERE standing <> 1;
CREATE INDEX attempts_warned ON attempts (job, seq) WHERE warnings IS NOT NULL;
CREATE INDEX attempts_worker ON attempts (worker, seq);
CREATE INDEX attempts_worker_failed ON attempts (worker, seq) WHERE outcome <> 'done';
CREATE INDEX audit_time ON audit (time);
CREATE INDEX files_ref ON files (ref, job);
CREATE INDEX jobs_by_created ON jobs (created) WHERE gone = 0;
CREATE INDEX jobs_by_ended ON jobs (ended) WHERE gone = 0;
CREATE INDEX jobs_by_failed ON jobs (failed) WHERE gone = 0;
CREATE INDEX jobs_by_frames ON jobs (total) WHERE gone = 0;
CREATE INDEX jobs_by_machine ON jobs (CAST(coalesce(machine, 0) AS INTEGER)) WHERE gone = 0;
CREATE INDEX jobs_by_name ON jobs (search) WHERE gone = 0;
CREATE INDEX jobs_by_owner ON jobs (owner) WHERE gone = 0;
CREATE INDEX jobs_by_priority ON jobs (priority) WHERE gone = 0;
CREATE INDEX jobs_by_progress ON jobs (CASE WHEN total > 0 THEN 10000 * done / total ELSE 0 END) WHERE gone = 0;
CREATE INDEX jobs_by_started ON jobs (started) WHERE gone = 0;
CREATE INDEX jobs_by_state ON jobs (CASE state WHEN 'active' THEN 0 WHEN 'queued' THEN 1 WHEN 'collecting' THEN 2 WHEN 'paused' THEN 3
    WHEN 'failed' THEN 4 WHEN 'canceled' THEN 5 ELSE 6 END) WHERE gone = 0;
CREATE INDEX jobs_gone ON jobs (id) WHERE gone = 1;
CREATE INDEX jobs_inspections ON jobs (state, owner, search) WHERE gone = 0 AND inspect = 1;
CREATE UNIQUE INDEX jobs_key ON jobs (key) WHERE gone = 0 AND key IS NOT NULL;
CREATE INDEX jobs_list ON jobs (state, owner, search) WHERE gone = 0 AND inspect = 0;
CREATE INDEX jobs_state ON jobs (state, id) WHERE gone = 0;
CREATE UNIQUE INDEX pending_once ON pending (target, id);
CREATE INDEX specs_blend ON specs (blend, job) WHERE blend IS NOT NULL;
