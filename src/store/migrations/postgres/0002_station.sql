-- The whole schema as SQLite has it after its second migration.

-- A batch is one stack of paper under one profile. The profile's text is kept:
-- an edit of the file must not change how a half-done batch is separated.
CREATE TABLE batch (
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

CREATE INDEX batch_by_state ON batch (state);

-- The row is the last act of the durable point: its file is synced before it.
CREATE TABLE page (
    batch_id   TEXT    NOT NULL REFERENCES batch (id),
    page_no    BIGINT  NOT NULL CHECK (page_no > 0),
    sheet      BIGINT  NOT NULL CHECK (sheet > 0),
    side       TEXT    NOT NULL CHECK (side IN ('front', 'back')),
    -- Those its sheet was scanned on: a front alone may be half a sheet.
    sides      TEXT    NOT NULL CHECK (sides IN ('front', 'back', 'front-then-back')),
    file       TEXT    NOT NULL,
    sha256     TEXT    NOT NULL CHECK (length(sha256) = 64),
    -- A file of no bytes is kept like any other that cannot be read.
    bytes      BIGINT  NOT NULL CHECK (bytes >= 0),
    scanned_at TEXT    NOT NULL,
    suspect    TEXT,
    image      BIGINT  NOT NULL CHECK (image > 0),
    -- Of the file it came from; none where a scanner made it.
    source_sha256 TEXT CHECK (length(source_sha256) = 64),
    -- Half of a sheet that was stopped and fed again: kept, and in no document.
    fed_again  BIGINT  NOT NULL DEFAULT 0 CHECK (fed_again IN (0, 1)),
    PRIMARY KEY (batch_id, page_no),
    UNIQUE (batch_id, file)
);

-- What the page step found, as JSON of `records::page::PageOutcome`.
CREATE TABLE page_outcome (
    batch_id TEXT    NOT NULL,
    page_no  BIGINT  NOT NULL,
    outcome  TEXT    NOT NULL,
    PRIMARY KEY (batch_id, page_no),
    FOREIGN KEY (batch_id, page_no) REFERENCES page (batch_id, page_no)
);

CREATE TABLE document (
    batch_id      TEXT    NOT NULL,
    first_page    BIGINT  NOT NULL,
    document_type TEXT    NOT NULL,
    -- Where it was filed, and what; all or none.
    pdf_path      TEXT,
    pdf_sha256    TEXT CHECK (length(pdf_sha256) = 64),
    index_path    TEXT,
    index_sha256  TEXT CHECK (length(index_sha256) = 64),
    filed_at      TEXT,
    PRIMARY KEY (batch_id, first_page),
    FOREIGN KEY (batch_id, first_page) REFERENCES page (batch_id, page_no),
    CHECK ((filed_at IS NULL) = (pdf_path IS NULL)),
    CHECK ((filed_at IS NULL) = (pdf_sha256 IS NULL)),
    CHECK ((filed_at IS NULL) = (index_path IS NULL)),
    CHECK ((filed_at IS NULL) = (index_sha256 IS NULL))
);

CREATE TABLE index_field (
    batch_id   TEXT    NOT NULL,
    first_page BIGINT  NOT NULL,
    name       TEXT    NOT NULL,
    value      TEXT    NOT NULL,
    source     TEXT    NOT NULL,
    PRIMARY KEY (batch_id, first_page, name),
    FOREIGN KEY (batch_id, first_page) REFERENCES document (batch_id, first_page) ON DELETE CASCADE
);

-- Every page of a separated batch stands in exactly one place.
CREATE TABLE placement (
    batch_id    TEXT    NOT NULL,
    page_no     BIGINT  NOT NULL,
    place       TEXT    NOT NULL CHECK (place IN ('document', 'set-aside', 'question')),
    first_page  BIGINT ,
    set_aside   TEXT,
    PRIMARY KEY (batch_id, page_no),
    FOREIGN KEY (batch_id, page_no) REFERENCES page (batch_id, page_no),
    FOREIGN KEY (batch_id, first_page) REFERENCES document (batch_id, first_page),
    CHECK ((place = 'document') = (first_page IS NOT NULL)),
    CHECK ((place = 'set-aside') = (set_aside IS NOT NULL))
);

CREATE TABLE question (
    batch_id TEXT    NOT NULL,
    position BIGINT  NOT NULL,
    page_no  BIGINT  NOT NULL,
    -- JSON: the pages held, and `records::document::QuestionReason`.
    holds    TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    PRIMARY KEY (batch_id, position),
    FOREIGN KEY (batch_id, page_no) REFERENCES page (batch_id, page_no)
);

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

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'check_violation';
END;
$$;

-- What is in the repository stands: its batch is not separated again.
CREATE TRIGGER filed_document_stands BEFORE DELETE ON document
FOR EACH ROW WHEN (OLD.filed_at IS NOT NULL)
EXECUTE FUNCTION refuse('a filed document stands');

CREATE TRIGGER ended_batch_stays BEFORE UPDATE OF state ON batch
FOR EACH ROW WHEN (OLD.state IN ('filed', 'discarded') AND NEW.state <> OLD.state)
EXECUTE FUNCTION refuse('the batch has come to its end');

CREATE FUNCTION page_comes_while_scanning() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM batch WHERE id = NEW.batch_id AND state = 'scanning') THEN
        RAISE EXCEPTION 'the batch takes no page' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER page_comes_while_scanning BEFORE INSERT ON page
FOR EACH ROW EXECUTE FUNCTION page_comes_while_scanning();

-- A batch goes on from its separation with every page in its place; to filed,
-- with every document filed, no question left and nothing due.
CREATE FUNCTION batch_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state IN ('in-question', 'awaiting-review', 'filing', 'filed', 'held') AND EXISTS (
        SELECT 1 FROM page LEFT JOIN placement USING (batch_id, page_no)
        WHERE page.batch_id = NEW.id AND placement.place IS NULL
    ) THEN
        RAISE EXCEPTION 'a page of the batch stands nowhere' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'filed' AND (
        EXISTS (SELECT 1 FROM question WHERE batch_id = NEW.id)
        OR EXISTS (SELECT 1 FROM placement WHERE batch_id = NEW.id AND place = 'question')
        OR EXISTS (SELECT 1 FROM document WHERE batch_id = NEW.id AND filed_at IS NULL)
        OR EXISTS (SELECT 1 FROM work WHERE batch_id = NEW.id AND step <> 'end')
    ) THEN
        RAISE EXCEPTION 'something of the batch is not filed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER batch_balances BEFORE UPDATE OF state ON batch
FOR EACH ROW EXECUTE FUNCTION batch_balances();
