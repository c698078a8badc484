-- The station daemon: more states, why paper does not run, and work as rows.
-- The table is built anew, because SQLite cannot change a check.
CREATE TABLE new_batch (
    id                 TEXT PRIMARY KEY,
    state              TEXT NOT NULL CHECK (state IN (
        'open', 'scanning', 'paused', 'processing', 'in-question', 'awaiting-review', 'filing',
        'filed', 'held', 'discarded')),
    profile_name       TEXT NOT NULL,
    profile_text       TEXT NOT NULL,
    station            TEXT NOT NULL,
    -- Of a spool that stations share; empty where it is the station's own.
    spool              TEXT NOT NULL DEFAULT '',
    paper_from         TEXT NOT NULL CHECK (paper_from IN ('files', 'scanner')),
    -- As it was chosen; none for the only one there is.
    scanner            TEXT CHECK (scanner IS NULL OR paper_from = 'scanner'),
    -- JSON of `records::batch::ScannerIdentity`: it is known again by that.
    scanner_identity   TEXT CHECK (scanner_identity IS NULL OR paper_from = 'scanner'),
    -- JSON: name and length of each file, in feeding order.
    files              TEXT CHECK ((files IS NULL) = (paper_from = 'scanner')),
    -- JSON: the scanner's own options as set by hand, name and value, in order.
    scanner_options    TEXT NOT NULL,
    repository         TEXT NOT NULL,
    -- The staging folder, from before the first document is filed on.
    filing_staging     TEXT,
    expected_sheets    BIGINT CHECK (expected_sheets > 0),
    expected_documents BIGINT CHECK (expected_documents > 0),
    -- Of the whole batch; none where a clerk, or the stack's end, closes it.
    max_pages          BIGINT CHECK (max_pages > 0),
    -- Whose word closes it for paper.
    closed_by          TEXT NOT NULL CHECK (closed_by IN ('clerk', 'stack-end')),
    -- JSON of `records::batch::Pause`.
    pause              TEXT,
    -- JSON of `records::batch::Decision`: why it is filed though its counts do
    -- not balance, and why it was discarded.
    counts_released    TEXT,
    discarded          TEXT,
    opened_at          TEXT NOT NULL,
    CHECK ((state = 'paused') = (pause IS NOT NULL)),
    CHECK ((state = 'discarded') = (discarded IS NOT NULL))
);

INSERT INTO new_batch (
    id, state, profile_name, profile_text, station, paper_from, scanner, files, scanner_options,
    repository, filing_staging, expected_sheets, expected_documents, max_pages, closed_by, pause,
    opened_at)
SELECT
    id, CASE state WHEN 'scanning' THEN 'paused' WHEN 'scanned' THEN 'processing' ELSE state END,
    profile_name, profile_text, station, paper_from, scanner, files, scanner_options, repository,
    json_extract(filing_place, '$.staging'), expected_sheets, expected_documents, max_pages,
    'stack-end', CASE state WHEN 'scanning' THEN '{"kind":"station-stopped"}' END, opened_at
FROM batch;

DROP TABLE batch;
ALTER TABLE new_batch RENAME TO batch;
CREATE INDEX batch_by_state ON batch (state);

-- What is due: one row a step. Done, it is deleted, in one transaction with its
-- outcome.
CREATE TABLE work (
    batch_id  TEXT   NOT NULL REFERENCES batch (id),
    step      TEXT   NOT NULL CHECK (step IN ('read', 'separate', 'file', 'end')),
    -- The page to be read, the first page of the document to be filed; 0 for
    -- what is done once a batch.
    page_no   BIGINT NOT NULL CHECK ((page_no = 0) = (step IN ('separate', 'end'))),
    -- Milliseconds since 1970, by the database's clock.
    due_at    BIGINT NOT NULL DEFAULT 0,
    attempts  BIGINT NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- Of the last attempt.
    fault     TEXT,
    -- Who is at it, how the outcome is known to be of that claim, and until when.
    claimer   TEXT,
    claim     TEXT,
    lease_end BIGINT,
    PRIMARY KEY (batch_id, step, page_no),
    CHECK ((claimer IS NULL) = (claim IS NULL)),
    CHECK ((claimer IS NULL) = (lease_end IS NULL))
);

INSERT INTO work (batch_id, step, page_no)
SELECT batch_id, 'read', page_no FROM page
LEFT JOIN page_outcome USING (batch_id, page_no)
JOIN batch ON batch.id = page.batch_id
WHERE outcome IS NULL AND batch.state IN ('paused', 'processing');

INSERT INTO work (batch_id, step, page_no)
SELECT id, 'end', 0 FROM batch WHERE state = 'processing';

-- What is in the repository stands: such a batch is not separated again.
INSERT INTO work (batch_id, step, page_no)
SELECT id, 'separate', 0 FROM batch WHERE state = 'processing'
AND NOT EXISTS (SELECT 1 FROM document WHERE batch_id = batch.id AND filed_at IS NOT NULL);

INSERT INTO work (batch_id, step, page_no)
SELECT batch_id, 'file', first_page FROM document JOIN batch ON batch.id = document.batch_id
WHERE state = 'processing' AND filed_at IS NULL
AND EXISTS (SELECT 1 FROM document AS filed
            WHERE filed.batch_id = batch.id AND filed.filed_at IS NOT NULL);

CREATE TRIGGER page_comes_while_scanning BEFORE INSERT ON page
WHEN NOT EXISTS (SELECT 1 FROM batch WHERE id = NEW.batch_id AND state = 'scanning')
BEGIN
    SELECT RAISE(ABORT, 'the batch takes no page');
END;

CREATE TRIGGER ended_batch_stays BEFORE UPDATE OF state ON batch
WHEN OLD.state IN ('filed', 'discarded') AND NEW.state <> OLD.state
BEGIN
    SELECT RAISE(ABORT, 'the batch has come to its end');
END;

-- A batch goes on from its separation with every page in its place; to filed,
-- with every document filed, no question left and nothing due.
CREATE TRIGGER ended_batch_balances BEFORE UPDATE OF state ON batch
WHEN NEW.state IN ('in-question', 'awaiting-review', 'filing', 'filed', 'held') AND EXISTS (
    SELECT 1 FROM page LEFT JOIN placement USING (batch_id, page_no)
    WHERE page.batch_id = NEW.id AND placement.place IS NULL
)
BEGIN
    SELECT RAISE(ABORT, 'a page of the batch stands nowhere');
END;

CREATE TRIGGER filed_batch_is_filed BEFORE UPDATE OF state ON batch
WHEN NEW.state = 'filed' AND (
    EXISTS (SELECT 1 FROM question WHERE batch_id = NEW.id)
    OR EXISTS (SELECT 1 FROM placement WHERE batch_id = NEW.id AND place = 'question')
    OR EXISTS (SELECT 1 FROM document WHERE batch_id = NEW.id AND filed_at IS NULL)
    OR EXISTS (SELECT 1 FROM work WHERE batch_id = NEW.id AND step <> 'end')
)
BEGIN
    SELECT RAISE(ABORT, 'something of the batch is not filed');
END;
